package ipc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/ipc/peermsg"
)

// everyMessage has one of each message of every link.
var everyMessage = []ipc.Message{
	&channeldmsg.Announcement{},
	&channeldmsg.Describe{},
	&channeldmsg.DescribeReply{},
	&channeldmsg.Failing{},
	&channeldmsg.FundingChosen{},
	&channeldmsg.FundingDepth{},
	&channeldmsg.FutureState{},
	&channeldmsg.Incoming{},
	&channeldmsg.MutualClose{},
	&channeldmsg.NeedFunding{},
	&channeldmsg.NewHeight{},
	&channeldmsg.Offer{},
	&channeldmsg.OfferFailed{},
	&channeldmsg.Opened{},
	&channeldmsg.PeerText{},
	&channeldmsg.Reestablished{},
	&channeldmsg.SendError{},
	&channeldmsg.SetFeerate{},
	&channeldmsg.SetPolicy{},
	&channeldmsg.Settle{},
	&channeldmsg.Setup{},
	&channeldmsg.Shutdown{},
	&channeldmsg.StateChanged{},
	&channeldmsg.Store{},
	&channeldmsg.Stored{},
	&connectdmsg.AttachChannel{},
	&connectdmsg.Connect{},
	&connectdmsg.ConnectReply{},
	&connectdmsg.Disconnect{},
	&connectdmsg.Init{},
	&connectdmsg.InitReply{},
	&connectdmsg.PeerConnected{},
	&connectdmsg.PeerDisconnected{},
	&connectdmsg.PeerSent{},
	&connectdmsg.Ping{},
	&connectdmsg.PingReply{},
	&connectdmsg.SendPeer{},
	&connectdmsg.Serve{},
	&gossipdmsg.BadPeer{},
	&gossipdmsg.ForgetChannel{},
	&gossipdmsg.Init{},
	&gossipdmsg.OwnUpdate{},
	&gossipdmsg.PeerUpdate{},
	&gossipdmsg.SetChannel{},
	&gossipmsg.PeerDown{},
	&gossipmsg.PeerGossip{},
	&gossipmsg.PeerUp{},
	&hsmdmsg.AllowShutdownScript{},
	&hsmdmsg.AllowShutdownScriptReply{},
	&hsmdmsg.CheckFutureSecret{},
	&hsmdmsg.CheckFutureSecretReply{},
	&hsmdmsg.DeriveSecret{},
	&hsmdmsg.DeriveSecretReply{},
	&hsmdmsg.ECDH{},
	&hsmdmsg.ECDHReply{},
	&hsmdmsg.ForgetChannel{},
	&hsmdmsg.ForgetChannelReply{},
	&hsmdmsg.GetBasepoints{},
	&hsmdmsg.GetBasepointsReply{},
	&hsmdmsg.GetPerCommitmentPoint{},
	&hsmdmsg.GetPerCommitmentPointReply{},
	&hsmdmsg.Init{},
	&hsmdmsg.InitReply{},
	&hsmdmsg.NewClient{},
	&hsmdmsg.NewClientReply{},
	&hsmdmsg.RevokeLocal{},
	&hsmdmsg.RevokeLocalReply{},
	&hsmdmsg.SetupChannel{},
	&hsmdmsg.SetupChannelReply{},
	&hsmdmsg.SignAnchor{},
	&hsmdmsg.SignAnchorReply{},
	&hsmdmsg.SignChannelAnnouncement{},
	&hsmdmsg.SignChannelAnnouncementReply{},
	&hsmdmsg.SignChannelUpdate{},
	&hsmdmsg.SignChannelUpdateReply{},
	&hsmdmsg.SignClaim{},
	&hsmdmsg.SignClaimReply{},
	&hsmdmsg.SignInvoice{},
	&hsmdmsg.SignInvoiceReply{},
	&hsmdmsg.SignLocalCommitment{},
	&hsmdmsg.SignLocalCommitmentReply{},
	&hsmdmsg.SignMessage{},
	&hsmdmsg.SignMessageReply{},
	&hsmdmsg.SignMutualClose{},
	&hsmdmsg.SignMutualCloseReply{},
	&hsmdmsg.SignNodeAnnouncement{},
	&hsmdmsg.SignNodeAnnouncementReply{},
	&hsmdmsg.SignRemoteCommitment{},
	&hsmdmsg.SignRemoteCommitmentReply{},
	&hsmdmsg.SignWallet{},
	&hsmdmsg.SignWalletReply{},
	&onchaindmsg.Claim{},
	&onchaindmsg.FailedUpstream{},
	&onchaindmsg.GiveUp{},
	&onchaindmsg.HTLCs{},
	&onchaindmsg.Init{},
	&onchaindmsg.Learned{},
	&onchaindmsg.Movement{},
	&onchaindmsg.NeedHTLCs{},
	&onchaindmsg.NewHeight{},
	&onchaindmsg.OutputSpent{},
	&onchaindmsg.Preimages{},
	&onchaindmsg.Processed{},
	&onchaindmsg.Resolved{},
	&onchaindmsg.SignClaims{},
	&onchaindmsg.SignClaimsReply{},
	&onchaindmsg.Started{},
	&onchaindmsg.Status{},
	&onchaindmsg.Unclaim{},
	&onchaindmsg.Unwatch{},
	&onchaindmsg.Watch{},
	&peermsg.AlsoKnownAs{},
	&peermsg.Messages{},
}

// TestEveryMessageTravels fills each message, sends it over a socket, and expects the same at the
// other end: so no message has a field that the codec does not know.
func TestEveryMessageTravels(t *testing.T) {
	types := map[ipc.Type]string{}
	for _, m := range everyMessage {
		name := strings.TrimPrefix(reflect.TypeOf(m).String(), "*")
		t.Run(name, func(t *testing.T) {
			if other := types[m.IPCType()]; other != "" {
				t.Fatalf("its number %d is also that of %s", m.IPCType(), other)
			}
			types[m.IPCType()] = name
			fill(reflect.ValueOf(m).Elem())
			got := reflect.New(reflect.TypeOf(m).Elem()).Interface().(ipc.Message)
			frame := travel(t, m)
			if err := frame.Decode(got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("sent %+v, got %+v", m, got)
			}
		})
	}
}

// TestEveryMessageIsListed compares everyMessage with the methods in the source.
func TestEveryMessageIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, m := range everyMessage {
		listed[strings.TrimPrefix(reflect.TypeOf(m).String(), "*")] = true
	}
	files, err := filepath.Glob("*msg/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "IPCType" || f.Recv == nil {
				continue
			}
			receiver := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
			if name := parsed.Name.Name + "." + receiver; !listed[name] {
				t.Errorf("%s is not in everyMessage", name)
			}
		}
	}
}

func travel(t *testing.T, m ipc.Message) *ipc.Frame {
	t.Helper()
	a, b, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	from, to := ipc.NewConn(a), ipc.NewConn(b)
	t.Cleanup(func() { from.Close(); to.Close() })
	sent := make(chan error, 1)
	go func() { sent <- from.Send(m) }()
	f, err := to.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	return &f
}

// fill gives every field a value that is not its zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(-5)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.String:
		v.SetString("text")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	}
}
