// The Vercel `ai` package, speaking the protocol `anthropic`.

import { AiClient, picks } from "./ai.mjs";

export class Client extends AiClient {
  constructor(gateway, shared) {
    super(picks.anthropic, gateway, shared);
  }
}
