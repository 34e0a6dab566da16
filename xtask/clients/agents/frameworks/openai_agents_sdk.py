"""The OpenAI Agents SDK, with the model that the page configures."""

import asyncio

from agents import Agent, Runner, function_tool, set_tracing_disabled

from configured import model
from task import TASK, read_file, write_file

set_tracing_disabled(True)
agent = Agent(name="files", instructions="You handle files.", model=model, tools=[function_tool(read_file), function_tool(write_file)])


async def main() -> None:
    run = Runner.run_streamed(agent, TASK)
    async for _ in run.stream_events():
        pass
    print(run.final_output)


asyncio.run(main())
