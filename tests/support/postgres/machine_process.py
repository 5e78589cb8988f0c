"""One life of an embedded machine, as a process of its own: prints the machine, then runs until SIGTERM or a signal."""

import asyncio
import dataclasses
import json
import signal
import sys
from pathlib import Path

from pathline_gateway.embedded import EmbeddedError, run_machine


async def main(data: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with run_machine(data) as machine:
        print(json.dumps(dataclasses.asdict(machine)), flush=True)
        await stop.wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except EmbeddedError as error:
        sys.exit(f"{error.reason}: {error}")
