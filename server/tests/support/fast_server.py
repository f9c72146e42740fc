"""A server of FastMCP's over streamable HTTP on a free port of this machine, whose number it says first."""

import asyncio
import socket

import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError

mcp = FastMCP("fast", version="1.0.0")


@mcp.tool(annotations={"readOnlyHint": True, "openWorldHint": False})
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@mcp.tool
def fail(reason: str) -> str:
    """Fails for that reason."""
    raise ToolError(f"it failed: {reason}")


@mcp.tool
async def steps(count: int, ctx: Context) -> str:
    """Takes some steps and tells of each."""
    for step in range(1, count + 1):
        await ctx.report_progress(progress=step, total=count, message=f"step {step}")
        await asyncio.sleep(0.1)
    return f"{count} steps taken"


listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(mcp.http_app(path="/mcp"), log_level="warning")).run(sockets=[listening])
