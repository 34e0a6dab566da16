// Drives one JavaScript SDK for the runner: a command on each line in, its outcome on each line out.

import { createInterface } from "node:readline";

const [, , name, gateway, shared] = process.argv;
const { Client } = await import(`./${name}.mjs`);
const client = new Client(gateway, JSON.parse(shared));

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  const { op, args } = JSON.parse(line);
  let outcome;
  try {
    outcome = { value: (await client[op](...args)) ?? null };
  } catch (error) {
    outcome = { error: { kind: error.constructor?.name ?? "Error", status: error.status ?? error.statusCode ?? 0, message: String(error.message ?? error).slice(0, 600) } };
  }
  process.stdout.write(JSON.stringify(outcome) + "\n");
}
