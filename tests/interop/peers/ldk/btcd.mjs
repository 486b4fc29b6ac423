// btcd's JSON-RPC.
export class Btcd {
  constructor({ url, user, password }) {
    this.url = url;
    this.auth = "Basic " + Buffer.from(`${user}:${password}`).toString("base64");
  }

  async call(method, ...params) {
    const answer = await fetch(this.url, {
      method: "POST",
      headers: { Authorization: this.auth, "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "1.0", id: 1, method, params }),
    });
    const { result, error } = await answer.json();
    if (error) throw Object.assign(new Error(`${method}: ${error.message}`), { code: error.code });
    return result;
  }
}
