package interop

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"fulmen/tests/harness"
	"fulmen/tests/interop/lndrpc"
)

// lndRPC is one connection to an lnd, which outlives its restarts.
type lndRPC struct {
	conn      *grpc.ClientConn
	state     lndrpc.StateClient
	lightning lndrpc.LightningClient
	router    lndrpc.RouterClient
	invoices  lndrpc.InvoicesClient
}

// dialLND gives an lnd its certificate before it would make one, and a connection to where it will listen.
func dialLND(t harness.TB, dir, address string) lndRPC {
	t.Helper()
	cert, key := newCertificate(t)
	for name, pem := range map[string][]byte{"tls.cert": cert, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), pem, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")),
		// It is dialled again and again until it has started.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1, MaxDelay: 100 * time.Millisecond}, MinConnectTimeout: lndPatience,
		}),
		// As lnd's own clients allow: a case lists thousands of invoices.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(200<<20)),
	)
	if err != nil {
		t.Fatalf("lnd: %v", err)
	}
	return lndRPC{
		conn: conn, state: lndrpc.NewStateClient(conn), lightning: lndrpc.NewLightningClient(conn),
		router: lndrpc.NewRouterClient(conn), invoices: lndrpc.NewInvoicesClient(conn),
	}
}

// lndPatience is how long one call may take; a payment has harness.Patience.
const lndPatience = 90 * time.Second

// lndCall is a method of lndrpc's clients.
type lndCall[In, Out any] func(ctx context.Context, in *In, options ...grpc.CallOption) (*Out, error)

// lndTry is one call, and why lnd refused it.
func lndTry[In, Out any](l *lnd, call lndCall[In, Out], in *In) (*Out, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), lndPatience)
	defer cancel()
	out, err := call(ctx, in)
	return out, lndError(err)
}

// lndMust is one call that has to succeed.
func lndMust[In, Out any](l *lnd, call lndCall[In, Out], in *In) *Out {
	l.t.Helper()
	out, err := lndTry(l, call, in)
	if err != nil {
		l.t.Fatalf("lnd: %T: %v", in, err)
	}
	return out
}

// lndError is an error in lnd's words; its code says more only where gRPC itself failed.
func lndError(err error) error {
	if err == nil {
		return nil
	}
	if s := status.Convert(err); s.Code() == codes.Unknown {
		return errors.New(s.Message())
	}
	return fmt.Errorf("%s: %s", status.Code(err), status.Convert(err).Message())
}
