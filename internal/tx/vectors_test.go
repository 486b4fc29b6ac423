package tx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
)

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signer is a test's private key with its public key.
type signer struct {
	priv *btcec.PrivateKey
	pub  keys.PubKey
}

func newSigner(t testing.TB, privHex string) signer {
	t.Helper()
	priv, pub := btcec.PrivKeyFromBytes(unhex(t, privHex))
	return signer{priv, keys.PubKey(pub.SerializeCompressed())}
}

func (s signer) sign(t testing.TB, digest [32]byte) keys.Signature {
	t.Helper()
	sig, err := keys.SignatureFromDER(ecdsa.Sign(s.priv, digest[:]).Serialize())
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func rawTx(t testing.TB, m *wire.MsgTx) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b.Bytes())
}

func pubKey(t testing.TB, s string) keys.PubKey {
	t.Helper()
	p, err := keys.ParsePubKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// bolt3Channel is the channel of appendices C and F, where local owns the commitment and opened
// the channel.
type bolt3Channel struct {
	localFunding, remoteFunding signer
	localHTLC, remoteHTLC       signer
	params                      CommitmentParams
}

func newBOLT3Channel(t testing.TB, anchors bool, dustLimit amount.Sat) *bolt3Channel {
	t.Helper()
	c := &bolt3Channel{
		localFunding:  newSigner(t, "30ff4956bbdd3222d44cc5e8a1261dab1e07957bdac5ae88fe3261ef321f3749"),
		remoteFunding: newSigner(t, "1552dfba4f6cf29a62a0af13c8d6981d36d0ef8d61ba10fb0fe90da7634d7e13"),
		localHTLC:     newSigner(t, "bb13b121cdc357cd2e608b0aea294afca36e2b34cf958e2e6451a2f274694491"),
		remoteHTLC:    newSigner(t, "8deba327a7cc6d638ab0eb025770400a6184afcba6713c210d8d10e199ff2fda"),
	}
	localPayment := pubKey(t, "034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa")
	remotePayment := pubKey(t, "032c0b7cf95324a07d05398b240174dc0c2be444d96b159aa6c7f7b1e668680991")
	local := keys.Basepoints{
		Payment: localPayment, HTLC: localPayment,
		DelayedPayment: pubKey(t, "023c72addb4fdf09af94f0c94d7fe92a386a7e70cf8a1d85916386bb2535c7b1b1"),
	}
	remote := keys.Basepoints{
		Payment: remotePayment, HTLC: remotePayment,
		Revocation: pubKey(t, "02466d7fcae563e5cb09a0d1870bb580344804617879a14949cf22285f1bae3f27"),
	}
	derived, err := keys.DeriveCommitmentKeys(&local, &remote,
		pubKey(t, "025f7117a78150fe2ef97db7cfc83bd57b2e2c0d0dd25eaf467a4a1c2a45ce1486"))
	if err != nil {
		t.Fatal(err)
	}
	txid, err := chainhash.NewHashFromStr("8984484a580b825b9972d7adb15050b3ab624ccd731946b3eeddb92f4e7ef6be")
	if err != nil {
		t.Fatal(err)
	}
	c.params = CommitmentParams{
		Funding: &Funding{
			Outpoint: wire.OutPoint{Hash: *txid}, Amount: 10_000_000,
			KeyA: c.localFunding.pub, KeyB: c.remoteFunding.pub,
		},
		OwnerFundingKey: c.localFunding.pub, OtherFundingKey: c.remoteFunding.pub,
		ObscuringFactor: ObscuringFactor(localPayment, remotePayment),
		Anchors:         anchors, OwnerIsOpener: true, DustLimit: dustLimit, ToSelfDelay: 144, Keys: derived,
	}
	return c
}

// bolt3HTLCs are the HTLCs of both appendices; the preimage of each is its byte 32 times.
var bolt3HTLCs = []struct {
	offered  bool
	amount   amount.Msat
	expiry   block.Height
	preimage byte
}{
	{false, 1000000, 500, 0},
	{false, 2000000, 501, 1},
	{true, 2000000, 502, 2},
	{true, 3000000, 503, 3},
	{false, 4000000, 504, 4},
	{true, 5000000, 506, 5},
	{true, 5000001, 505, 5},
}

func bolt3Preimage(id uint64) [32]byte {
	return [32]byte(bytes.Repeat([]byte{bolt3HTLCs[id].preimage}, 32))
}

func bolt3HTLC(id uint64) HTLC {
	h := bolt3HTLCs[id]
	preimage := bolt3Preimage(id)
	return HTLC{Offered: h.offered, ID: id, Amount: h.amount,
		PaymentHash: sha256.Sum256(preimage[:]), CLTVExpiry: h.expiry}
}

// bolt3Case is one vector, from either appendix.
type bolt3Case struct {
	toLocal         amount.Msat
	toRemote        amount.Msat
	feerate         amount.FeeratePerKw
	commitTx        string
	remoteSig       string
	htlcTxs         []string
	remoteHTLCSigs  []string
	withAllFiveHTLC bool
}

func (v *bolt3Case) htlcs() []HTLC {
	ids := []uint64{0, 1, 2, 3, 4}
	if v.toLocal == 6987999999 { // the case of two HTLCs with one amount and preimage
		ids = []uint64{1, 5, 6}
	} else if !v.withAllFiveHTLC {
		return nil
	}
	var list []HTLC
	for _, id := range ids {
		list = append(list, bolt3HTLC(id))
	}
	return list
}

// check compares everything that BOLT 3 gives, byte for byte, and the way back from it.
func (v *bolt3Case) check(t *testing.T, ch *bolt3Channel) *Commitment {
	t.Helper()
	c, err := BuildCommitment(&ch.params, 42, v.feerate, v.toLocal, v.toRemote, v.htlcs())
	if err != nil {
		t.Fatal(err)
	}
	remoteSig := ch.remoteFunding.sign(t, c.SigHash())
	if got := hex.EncodeToString(remoteSig.AppendDER(nil)); got != v.remoteSig {
		t.Errorf("remote signature %s, want %s", got, v.remoteSig)
	}
	signed := c.Signed(ch.localFunding.sign(t, c.SigHash()), remoteSig)
	if got := rawTx(t, signed); got != v.commitTx {
		t.Errorf("commitment\n%s, want\n%s", got, v.commitTx)
	}
	if signed.TxHash() != chainhash.Hash(c.Txid()) {
		t.Errorf("txid %x, want %s", c.Txid(), signed.TxHash())
	}
	if n, err := CommitmentNumberOf(signed, ch.params.ObscuringFactor); err != nil || n != 42 {
		t.Errorf("commitment number %d, %v", n, err)
	}
	if len(c.HTLCs) != len(v.htlcTxs) {
		t.Fatalf("%d htlc outputs, want %d", len(c.HTLCs), len(v.htlcTxs))
	}
	digests := c.OtherHTLCSigHashes()
	for i := range c.HTLCs {
		sig := ch.remoteHTLC.sign(t, digests[i])
		if got := hex.EncodeToString(sig.AppendDER(nil)); got != v.remoteHTLCSigs[i] {
			t.Errorf("htlc signature %d: %s, want %s", i, got, v.remoteHTLCSigs[i])
		}
		own := ch.localHTLC.sign(t, c.OwnerHTLCSigHash(i))
		if got := rawTx(t, c.SignedHTLCTx(i, own, sig, bolt3Preimage(c.HTLCs[i].ID))); got != v.htlcTxs[i] {
			t.Errorf("htlc transaction %d\n%s, want\n%s", i, got, v.htlcTxs[i])
		}
		checkBuildHTLCTx(t, ch, c, i)
	}
	ch.checkHTLCClaims(t, c)
	return c
}

// checkBuildHTLCTx makes the same HTLC transaction without the commitment.
func checkBuildHTLCTx(t *testing.T, ch *bolt3Channel, c *Commitment, i int) {
	t.Helper()
	want := c.HTLCTx(i)
	p := &HTLCTxParams{Keys: ch.params.Keys, Anchors: ch.params.Anchors, ToSelfDelay: ch.params.ToSelfDelay, FeeratePerKw: c.feerate}
	got, err := BuildHTLCTx(p, want.TxIn[0].PreviousOutPoint, &c.HTLCs[i].HTLC)
	if err != nil || rawTx(t, got) != rawTx(t, want) {
		t.Errorf("htlc transaction %d by itself: %v, %v", i, got, err)
	}
	dust := c.HTLCs[i].HTLC
	dust.Amount = 1000
	p.FeeratePerKw = 1 << 20
	if _, err := BuildHTLCTx(p, want.TxIn[0].PreviousOutPoint, &dust); ch.params.Anchors == errors.Is(err, ErrOverspent) {
		t.Errorf("htlc transaction of 1 sat, anchors %t: %v", ch.params.Anchors, err)
	}
}

func TestBOLT3AppendixBFunding(t *testing.T) {
	var v struct {
		InputTxid       string     `json:"input_txid"`
		CoinbaseTx      string     `json:"coinbase_tx"`
		CoinbasePrivkey string     `json:"coinbase_privkey"`
		LocalKey        string     `json:"local_funding_pubkey"`
		RemoteKey       string     `json:"remote_funding_pubkey"`
		Script          string     `json:"funding_script"`
		Funding         amount.Sat `json:"funding_satoshis"`
		Change          amount.Sat `json:"change_satoshis"`
		Tx              string     `json:"funding_tx"`
		Txid            string
	}
	readVectors(t, "bolt3_appendix_b.json", &v)
	f := Funding{Amount: v.Funding, KeyA: pubKey(t, v.RemoteKey), KeyB: pubKey(t, v.LocalKey)}
	if got := hex.EncodeToString(f.Script()); got != v.Script {
		t.Errorf("funding script %s", got)
	}
	var coinbase, want wire.MsgTx
	for raw, into := range map[string]*wire.MsgTx{v.CoinbaseTx: &coinbase, v.Tx: &want} {
		if err := into.Deserialize(bytes.NewReader(unhex(t, raw))); err != nil {
			t.Fatal(err)
		}
	}
	in := wire.OutPoint{Hash: coinbase.TxHash()}
	if in.Hash.String() != v.InputTxid {
		t.Fatalf("input txid %s", in.Hash)
	}
	got := wire.NewMsgTx(2)
	got.AddTxIn(wire.NewTxIn(&in, nil, nil))
	got.AddTxOut(wire.NewTxOut(int64(f.Amount), f.PkScript()))
	got.AddTxOut(wire.NewTxOut(int64(v.Change), want.TxOut[1].PkScript))
	sig, err := txscript.SignatureScript(got, 0, coinbase.TxOut[0].PkScript, txscript.SigHashAll,
		newSigner(t, v.CoinbasePrivkey).priv, true)
	if err != nil {
		t.Fatal(err)
	}
	got.TxIn[0].SignatureScript = sig
	if raw := rawTx(t, got); raw != v.Tx {
		t.Errorf("funding transaction\n%s, want\n%s", raw, v.Tx)
	}
	if got.TxID() != v.Txid {
		t.Errorf("txid %s", got.TxID())
	}
}

func TestBOLT3AppendixCStaticRemotekey(t *testing.T) {
	var vectors []struct {
		Name      string
		ToLocal   amount.Msat         `json:"to_local_msat"`
		ToRemote  amount.Msat         `json:"to_remote_msat"`
		Feerate   amount.FeeratePerKw `json:"local_feerate_per_kw"`
		BaseFee   *amount.Sat         `json:"base_fee"`
		ActualFee *amount.Sat         `json:"actual_fee"`
		RemoteSig string              `json:"remote_signature"`
		CommitTx  string              `json:"commit_tx"`
		HTLCs     []struct {
			HTLC      uint64
			RemoteSig string `json:"remote_signature"`
			Tx        string
		}
	}
	readVectors(t, "bolt3_appendix_c.json", &vectors)
	if len(vectors) != 16 {
		t.Fatalf("%d vectors", len(vectors))
	}
	ch := newBOLT3Channel(t, false, 546)
	if ch.params.ObscuringFactor != 0x2bb038521914 {
		t.Errorf("obscuring factor %x", ch.params.ObscuringFactor)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			c := bolt3Case{toLocal: v.ToLocal, toRemote: v.ToRemote, feerate: v.Feerate, commitTx: v.CommitTx,
				remoteSig: v.RemoteSig, withAllFiveHTLC: v.ToLocal == 6988000000}
			for _, h := range v.HTLCs {
				c.htlcTxs = append(c.htlcTxs, h.Tx)
				c.remoteHTLCSigs = append(c.remoteHTLCSigs, h.RemoteSig)
			}
			got := c.check(t, ch)
			for i, h := range v.HTLCs {
				if got.HTLCs[i].ID != h.HTLC {
					t.Errorf("htlc output %d is htlc %d, want %d", i, got.HTLCs[i].ID, h.HTLC)
				}
			}
			if v.ActualFee != nil && got.Fee != *v.ActualFee {
				t.Errorf("fee %s, want %s", got.Fee, *v.ActualFee)
			}
			if v.BaseFee != nil && CommitmentFee(false, v.Feerate, len(v.HTLCs)) != *v.BaseFee {
				t.Errorf("base fee %s, want %s", CommitmentFee(false, v.Feerate, len(v.HTLCs)), *v.BaseFee)
			}
		})
	}
}

func TestBOLT3AppendixFAnchors(t *testing.T) {
	var vectors []struct {
		Name                    string
		LocalBalance            amount.Msat
		RemoteBalance           amount.Msat
		DustLimitSatoshis       amount.Sat
		FeePerKw                amount.FeeratePerKw
		UseTestHtlcs            bool
		HtlcDescs               []struct{ RemoteSigHex, ResolutionTxHex string }
		ExpectedCommitmentTxHex string
		RemoteSigHex            string
	}
	readVectors(t, "bolt3_appendix_f.json", &vectors)
	if len(vectors) != 9 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			c := bolt3Case{toLocal: v.LocalBalance, toRemote: v.RemoteBalance, feerate: v.FeePerKw,
				commitTx: v.ExpectedCommitmentTxHex, remoteSig: v.RemoteSigHex, withAllFiveHTLC: v.UseTestHtlcs}
			for _, h := range v.HtlcDescs {
				c.htlcTxs = append(c.htlcTxs, h.ResolutionTxHex)
				c.remoteHTLCSigs = append(c.remoteHTLCSigs, h.RemoteSigHex)
			}
			c.check(t, newBOLT3Channel(t, true, v.DustLimitSatoshis))
		})
	}
}
