"""DSPy's agent, with the model that the page configures."""

import dspy

from configured import model
from task import TASK, read_file, write_file

dspy.configure(lm=model)
agent = dspy.ReAct("task: str -> answer: str", tools=[read_file, write_file], max_iters=5)
print(agent(task=TASK).answer)
