// A node on LDK, for tests/interop: `node main.mjs setup.json`. It is driven by POST /method with a JSON
// object; the answer is JSON too, {"message":...} with status 500 for an error.
//
// setup.json: {dir, host, port, rpcPort, btcd: {url, user, password}, features, leastChannel, noPush}
import { readFileSync } from "node:fs";
import http from "node:http";
import { methods } from "./methods.mjs";
import { Node } from "./node.mjs";

const setup = JSON.parse(readFileSync(process.argv[2]));
const node = await Node.start(setup);
const table = methods(node);

const server = http.createServer(async (request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(value ?? {}));
  };
  try {
    const parts = [];
    for await (const part of request) parts.push(part);
    const method = table[request.url.slice(1)];
    if (!method) throw new Error(`no method ${request.url}`);
    answer(200, await method(JSON.parse(Buffer.concat(parts).toString() || "{}")));
  } catch (err) {
    node.say(`${request.url}: ${err.stack ?? err}`); // the bindings throw strings
    answer(500, { message: err.message ?? String(err) });
  }
});
// A connection is the client's to close: it may be about to ask. LDK takes all of the time in which Node would
// have read a request that was made long ago.
server.keepAliveTimeout = server.headersTimeout = server.requestTimeout = 0;
server.listen(setup.rpcPort, "127.0.0.1");

process.on("SIGTERM", async () => {
  await node.stop();
  process.exit(0);
});
