"""smolagents' agent of tool calls, with the model that the page configures."""

from smolagents import ToolCallingAgent, tool

from configured import model
from task import TASK, read_file, write_file

agent = ToolCallingAgent(tools=[tool(read_file), tool(write_file)], model=model, max_steps=5, stream_outputs=True)
print(agent.run(TASK))
