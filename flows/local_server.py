"""A Prefect API for one command: started beside it, gone with it, however it ends.

``python -m mtmm_video.flows.local_server DATABASE`` serves the API on a free port of the loopback interface, prints the
port once it answers, and exits when its standard input closes, which the operating system does even when the parent is
killed. Prefect's own temporary server outlives a killed parent, takes the port by chance, and imports the whole server
into the parent.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from pathlib import Path

LOOPBACK = "127.0.0.1"


def serve(database: Path) -> None:
    """Serve until standard input closes.

    Parameters
    ----------
    database : Path
        The SQLite file; made where it is missing. Its folder is removed at the end.
    """

    def leave_with_parent() -> None:
        sys.stdin.buffer.read()
        shutil.rmtree(database.parent, ignore_errors=True)
        os._exit(0)  # its database is temporary: results are in the store

    threading.Thread(target=leave_with_parent, daemon=True).start()
    # The imports take seconds, in which the parent may end.
    os.environ["PREFECT_API_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{database.as_posix()}"
    import uvicorn  # noqa: PLC0415 (the database must be settled first)
    from prefect.server.api.server import create_app  # noqa: PLC0415

    class AnnouncingServer(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started and sockets:
                print(sockets[0].getsockname()[1], flush=True)

    listener = socket.create_server((LOOPBACK, 0))
    server = AnnouncingServer(uvicorn.Config(create_app(ephemeral=True, final=True), log_level="error", lifespan="on"))
    server.run(sockets=[listener])


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
