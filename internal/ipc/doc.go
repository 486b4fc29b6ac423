// Package ipc is how our processes talk: messages in frames over a Unix stream socket, with
// descriptors beside them. It knows no message of any one process; those are in the packages
// below it, one a link.
//
// A frame is a header of four bytes and a body. The header's first byte counts the descriptors
// that ride on it (SCM_RIGHTS), the other three are the body's length, big-endian. The body is
// one msgpack array: message type, request id, then the message's fields in order. A nested struct
// is an array too. The decoder is strict: lengths must match, numbers must fit, nothing may follow.
//
// A request has an even type and an id, its reply the next type and the same id; [Fail] answers
// any request. A message with id 0 is one way.
//
// The first frame that each side sends on a socket is [Hello]; [Conn] sends it along with the
// first message and checks the other's before anything else, so no caller sees it.
package ipc
