// Package lndrpc is what the driver calls of lnd's gRPC interface: made by peers/lndstubs from the descriptors of
// the version in peers/go.mod. Another field or call is first to be listed in peers/lndstubs/wanted.go.
package lndrpc

//go:generate go -C ../peers run -trimpath -tags "autopilotrpc chainrpc invoicesrpc peersrpc routerrpc signrpc walletrpc dev integration" ./lndstubs ../lndrpc
