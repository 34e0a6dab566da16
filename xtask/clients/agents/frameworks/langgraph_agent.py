"""LangGraph's agent, with the model that the page configures."""

from langgraph.prebuilt import create_react_agent

from configured import model
from task import TASK, read_file, write_file

agent = create_react_agent(model, [read_file, write_file])
state = None
for state in agent.stream({"messages": [("user", TASK)]}, stream_mode="values"):
    pass
print(state["messages"][-1].text)
