// Package logs is lightningd's log: lines in files or on standard output, and the latest records in
// memory for getlog. It is a slog handler; levels and the form of a line are those that operators know.
//
//	2026-03-01T12:00:00.000Z INFO    lightningd: Server started with public key 02ab...
//	2026-03-01T12:00:01.000Z DEBUG   03cd...-channeld-chan#7: peer sent message=commitment_signed
//
// The part before the colon is the source. It is made of the attributes KeyPeer, KeyDaemon and
// KeyChannel, the first of each name, so what a child sends cannot replace what lightningd said of it.
// Other attributes follow the message.
//
// What the filters leave out is made neither in the children nor here, so getlog does not have it.
package logs

// The attributes that make the source of a record.
const (
	KeyDaemon  = "daemon"  // e.g. "channeld"; without it, a record is lightningd's own
	KeyPeer    = "peer_id" // the peer's public key
	KeyChannel = "channel" // number of the channel in the database
)

// KeyData is the attribute with the bytes of a record at LevelIOIn or LevelIOOut.
const KeyData = "data"
