"""A crew of one, with the model that the page configures."""

from crewai import Agent, Crew, Task
from crewai.tools import tool

from configured import model
from task import TASK, read_file, write_file

agent = Agent(role="Clerk", goal="Handle files", backstory="You know files.", llm=model, tools=[tool(read_file), tool(write_file)])
print(Crew(agents=[agent], tasks=[Task(description=TASK, expected_output="A word", agent=agent)]).kickoff())
