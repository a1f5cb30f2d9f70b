"""The store next door, with FastAPI: how many of a part there are."""

import logging
import sys

import uvicorn
from fastapi import FastAPI

import logq.carry

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("store")
app = FastAPI()


@app.get("/stock/{part}")
async def stock(part: str):
    log.info("counts %s", part)
    return {"part": part, "left": 3}


if __name__ == "__main__":
    uvicorn.run(logq.carry.asgi(app), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
