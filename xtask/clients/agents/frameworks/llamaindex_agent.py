"""LlamaIndex's agent of functions, with the model that the page configures."""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent

from configured import model
from task import TASK, read_file, write_file


async def main() -> None:
    agent = FunctionAgent(tools=[read_file, write_file], llm=model, system_prompt="You handle files.")
    print(await agent.run(TASK))


asyncio.run(main())
