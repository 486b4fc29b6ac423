// Package rpc is JSON-RPC 2.0 over a Unix socket: the server in lightningd, and the client that
// lightning-cli, plugins and tests use. It knows no command's meaning.
//
// A connection carries a stream of JSON objects, each a request, with or without white space
// between them. Requests run concurrently and are answered as they finish. A reply is one line
// followed by an empty one; its id is the request's, byte for byte.
//
//	{"id":7,"method":"invoice","params":["1000sat","coffee-1","a coffee"]}
//	{"jsonrpc":"2.0","id":7,"result":{...}}
//
// What a bad request gets:
//   - not JSON, or larger than Options.MaxRequest: an error with id null that names the byte, then
//     the connection closes, because where the next request starts is unknown;
//   - JSON, but not a request (no id, no method, a batch array): CodeInvalidRequest, and the
//     connection goes on;
//   - more than Options.MaxInFlight unanswered: CodeInvalidRequest, and the connection goes on.
//
// A caller that closes its socket cancels the context of its requests. One that only closes its
// sending side (as `nc -N` does) still gets its replies.
package rpc
