// The Vercel `ai` package, speaking the protocol `chat`.

import { AiClient, picks } from "./ai.mjs";

export class Client extends AiClient {
  constructor(gateway, shared) {
    super(picks.chat, gateway, shared);
  }
}
