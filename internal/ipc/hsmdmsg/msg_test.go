package hsmdmsg

import (
	"reflect"
	"testing"

	"fulmen/internal/ipc"
)

// pairs are all requests with their replies.
var pairs = [][2]ipc.Message{
	{&Init{}, &InitReply{}},
	{&NewClient{}, &NewClientReply{}},
	{&ForgetChannel{}, &ForgetChannelReply{}},
	{&AllowShutdownScript{}, &AllowShutdownScriptReply{}},
	{&SignInvoice{}, &SignInvoiceReply{}},
	{&SignMessage{}, &SignMessageReply{}},
	{&DeriveSecret{}, &DeriveSecretReply{}},
	{&SignLocalCommitment{}, &SignLocalCommitmentReply{}},
	{&SignWallet{}, &SignWalletReply{}},
	{&ECDH{}, &ECDHReply{}},
	{&GetBasepoints{}, &GetBasepointsReply{}},
	{&SetupChannel{}, &SetupChannelReply{}},
	{&SignRemoteCommitment{}, &SignRemoteCommitmentReply{}},
	{&RevokeLocal{}, &RevokeLocalReply{}},
	{&GetPerCommitmentPoint{}, &GetPerCommitmentPointReply{}},
	{&CheckFutureSecret{}, &CheckFutureSecretReply{}},
	{&SignMutualClose{}, &SignMutualCloseReply{}},
	{&SignChannelAnnouncement{}, &SignChannelAnnouncementReply{}},
	{&SignNodeAnnouncement{}, &SignNodeAnnouncementReply{}},
	{&SignChannelUpdate{}, &SignChannelUpdateReply{}},
	{&SignClaim{}, &SignClaimReply{}},
	{&SignAnchor{}, &SignAnchorReply{}},
	{&SignWalletMessage{}, &SignWalletMessageReply{}},
	{&GetPublishedPoint{}, &GetPublishedPointReply{}},
}

func TestNumbers(t *testing.T) {
	seen := map[ipc.Type]bool{}
	for _, p := range pairs {
		request, reply := p[0].IPCType(), p[1].IPCType()
		if seen[request] || request%2 != 0 || reply != request+1 {
			t.Errorf("%T has number %d, its reply %d", p[0], request, reply)
		}
		seen[request] = true
	}
}

// Every message, with something in every field, arrives as it was sent.
func TestRoundTrip(t *testing.T) {
	a, b, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	from, to := ipc.NewConn(a), ipc.NewConn(b)
	defer from.Close()
	defer to.Close()
	for _, p := range pairs {
		for _, empty := range p {
			sent := reflect.New(reflect.TypeOf(empty).Elem())
			next := uint64(1)
			fill(sent.Elem(), &next)
			if err := from.Send(sent.Interface().(ipc.Message)); err != nil {
				t.Fatal(err)
			}
			f, err := to.Recv()
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.New(sent.Type().Elem())
			if err := f.Decode(got.Interface().(ipc.Message)); err != nil {
				t.Error(err)
			} else if !reflect.DeepEqual(got.Interface(), sent.Interface()) {
				t.Errorf("%T: have %+v, want %+v", empty, got.Elem(), sent.Elem())
			}
		}
	}
}

// fill puts a different value into every field.
func fill(v reflect.Value, next *uint64) {
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), next)
		fill(v.Index(1), next)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("text")
	default:
		v.SetUint(*next % 251)
	}
}
