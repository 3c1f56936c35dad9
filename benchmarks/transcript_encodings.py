"""Accuracy of encoding detection on short subtitle files: chardet as used here, charset-normalizer and cchardet.

    pip install faust-cchardet && python benchmarks/transcript_encodings.py

Sentences of everyday talk in 22 languages and encodings, cut into files of one, two and five cues.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cchardet
import charset_normalizer

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.encoding import decode

# fmt: off
SENTENCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "zh-gb18030": ("gb18030", (
        "你好，欢迎观看这个视频。",
        "我非常高兴。",
        "今天的天气很好，我们去公园散步吧。",
        "这部电影真的很感人。",
        "你觉得怎么样？",
    )),
    "zh-big5": ("big5", (
        "你好，歡迎觀看這個影片。",
        "我非常高興。",
        "今天的天氣很好，我們去公園散步吧。",
        "這部電影真的很感人。",
        "你覺得怎麼樣？",
    )),
    "ja-sjis": ("cp932", (
        "こんにちは、このビデオへようこそ。",
        "とても嬉しいです。",
        "今日は天気がいいので、公園に散歩に行きましょう。",
        "この映画は本当に感動的でした。",
        "どう思いますか？",
    )),
    "ja-euc": ("euc_jp", (
        "こんにちは、このビデオへようこそ。",
        "とても嬉しいです。",
        "今日は天気がいいので、公園に散歩に行きましょう。",
        "この映画は本当に感動的でした。",
        "どう思いますか？",
    )),
    "ko": ("cp949", (
        "안녕하세요, 이 비디오에 오신 것을 환영합니다.",
        "정말 기쁩니다.",
        "오늘은 날씨가 좋아서 공원에 산책하러 갑시다.",
        "이 영화는 정말 감동적이었어요.",
        "어떻게 생각하세요?",
    )),
    "ru-1251": ("cp1251", (
        "Здравствуйте, добро пожаловать в это видео.",
        "Я очень рад.",
        "Сегодня хорошая погода, пойдём гулять в парк.",
        "Этот фильм был действительно трогательным.",
        "Что вы думаете?",
    )),
    "ru-koi8": ("koi8_r", (
        "Здравствуйте, добро пожаловать в это видео.",
        "Я очень рад.",
        "Сегодня хорошая погода, пойдём гулять в парк.",
        "Этот фильм был действительно трогательным.",
        "Что вы думаете?",
    )),
    "uk-1251": ("cp1251", (
        "Вітаю, ласкаво просимо до цього відео.",
        "Я дуже щасливий.",
        "Сьогодні гарна погода, ходімо гуляти в парк.",
        "Цей фільм був справді зворушливим.",
        "Що ви думаєте?",
    )),
    "pl-1250": ("cp1250", (
        "Cześć, witamy w tym filmie.",
        "Jestem bardzo szczęśliwy.",
        "Dziś jest ładna pogoda, chodźmy na spacer do parku.",
        "Ten film był naprawdę wzruszający, żółw też.",
        "Co o tym myślisz?",
    )),
    "cs-1250": ("cp1250", (
        "Dobrý den, vítejte u tohoto videa.",
        "Jsem velmi šťastný.",
        "Dnes je hezké počasí, pojďme se projít do parku.",
        "Ten film byl opravdu dojemný.",
        "Co si o tom myslíš?",
    )),
    "hu-1250": ("cp1250", (
        "Üdvözlöm ebben a videóban.",
        "Nagyon örülök.",
        "Ma szép idő van, menjünk sétálni a parkba.",
        "Ez a film igazán megható volt, őszintén.",
        "Mit gondolsz?",
    )),
    "fr-1252": ("cp1252", (
        "Bonjour et bienvenue dans cette vidéo.",
        "Je suis très heureux.",
        "Aujourd’hui il fait beau, allons nous promener à la forêt.",
        "Ce film était vraiment émouvant, ça m’a touché.",
        "Qu’en pensez-vous ?",
    )),
    "de-1252": ("cp1252", (
        "Hallo und willkommen zu diesem Video.",
        "Ich bin sehr glücklich.",
        "Heute ist schönes Wetter, gehen wir in den Park spazieren.",
        "Dieser Film war wirklich rührend.",
        "Was denkst du darüber?",
    )),
    "es-1252": ("cp1252", (
        "Hola y bienvenidos a este vídeo.",
        "Estoy muy feliz.",
        "Mañana hará buen tiempo, ¿vamos al parque?",
        "Esta película fue realmente conmovedora.",
        "¿Qué opinas tú?",
    )),
    "en-1252": ("cp1252", (
        "Hello and welcome to this video.",
        "I’m very happy, it’s a café.",
        "“Well,” she said – it isn’t true.",
        "This film was touching…",
        "What do you think?",
    )),
    "pt-1252": ("cp1252", (
        "Olá e bem-vindo a este vídeo.",
        "Estou muito feliz, não é?",
        "Hoje o tempo está bom, vamos passear.",
        "Este filme foi emocionante.",
        "O que você acha da situação?",
    )),
    "sv-1252": ("cp1252", (
        "Hej och välkommen till den här videon.",
        "Jag är mycket glad.",
        "Idag är det fint väder, låt oss gå till parken.",
        "Filmen var verkligen gripande.",
        "Vad tycker du?",
    )),
    "el-1253": ("cp1253", (
        "Γεια σας και καλώς ήρθατε σε αυτό το βίντεο.",
        "Είμαι πολύ χαρούμενος.",
        "Σήμερα ο καιρός είναι καλός, πάμε βόλτα στο πάρκο.",
        "Αυτή η ταινία ήταν πραγματικά συγκινητική.",
        "Τι νομίζεις;",
    )),
    "tr-1254": ("cp1254", (
        "Merhaba, bu videoya hoş geldiniz.",
        "Çok mutluyum.",
        "Bugün hava güzel, parka yürüyüşe gidelim, değil mi?",
        "Bu film gerçekten dokunaklıydı.",
        "Ne düşünüyorsun?",
    )),
    "he-1255": ("cp1255", (
        "שלום וברוכים הבאים לסרטון הזה.",
        "אני מאוד שמח.",
        "היום מזג האוויר נאה, בואו נלך לטייל בפארק.",
        "הסרט הזה היה באמת מרגש.",
        "מה דעתך?",
    )),
    "ar-1256": ("cp1256", (
        "مرحبا بكم في هذا الفيديو.",
        "أنا سعيد جدا.",
        "الطقس جميل اليوم، لنذهب في نزهة إلى الحديقة.",
        "كان هذا الفيلم مؤثرا حقا.",
        "ما رأيك؟",
    )),
    "th-874": ("cp874", (
        "สวัสดีและยินดีต้อนรับสู่วิดีโอนี้",
        "ฉันมีความสุขมาก",
        "วันนี้อากาศดี ไปเดินเล่นที่สวนสาธารณะกันเถอะ",
        "หนังเรื่องนี้ซาบซึ้งมากจริงๆ",
        "คุณคิดอย่างไร",
    )),
}
# fmt: on


def subtitles(lines: tuple[str, ...]) -> str:
    """Return an SRT file with a cue a second."""
    return "".join(
        f"{number}\n00:00:{number:02d},000 --> 00:00:{number:02d},900\n{line}\n\n"
        for number, line in enumerate(lines, start=1)
    )


def by_ours(content: bytes) -> str:
    """Decode as transcripts are."""
    try:
        return decode(content, path=Path("talk.srt"))[0]
    except InputError:
        return ""


def by_charset_normalizer(content: bytes) -> str:
    """Decode with the best guess of charset-normalizer."""
    found = charset_normalizer.from_bytes(content).best()
    return "" if found is None else content.decode(found.encoding, errors="replace")


def by_cchardet(content: bytes) -> str:
    """Decode with the guess of cchardet."""
    name = cchardet.detect(content)["encoding"] or "ascii"
    try:
        return content.decode(name, errors="replace")
    except LookupError:
        return ""


READERS: dict[str, Callable[[bytes], str]] = {
    "ours (chardet)": by_ours,
    "charset-normalizer": by_charset_normalizer,
    "cchardet": by_cchardet,
}

if __name__ == "__main__":
    print("| cues | files |", " | ".join(READERS), "|\n|---|---|", "---|" * len(READERS))
    for count in (1, 2, 5):
        files = [
            (subtitles(lines[first : first + count]), encoding)
            for encoding, lines in SENTENCES.values()
            for first in range(len(lines) - count + 1)
        ]
        files = [(text, encoding) for text, encoding in files if not text.isascii()]
        right = [sum(read(text.encode(encoding)) == text for text, encoding in files) for read in READERS.values()]
        print(f"| {count} | {len(files)} |", " | ".join(map(str, right)), "|")
