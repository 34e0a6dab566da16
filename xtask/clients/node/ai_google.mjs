// The Vercel `ai` package, speaking the protocol `google`.

import { AiClient, picks } from "./ai.mjs";

export class Client extends AiClient {
  constructor(gateway, shared) {
    super(picks.google, gateway, shared);
  }
}
