// The Vercel `ai` package, speaking the protocol `responses`.

import { AiClient, picks } from "./ai.mjs";

export class Client extends AiClient {
  constructor(gateway, shared) {
    super(picks.responses, gateway, shared);
  }
}
