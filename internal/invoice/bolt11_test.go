package invoice

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// examples is testdata/bolt11.json: the examples of BOLT 11 in its order.
type examples struct {
	Valid, Invalid []example
}

type example struct {
	Name       string
	Invoice    string
	Signature  string
	RecoveryID byte   `json:"recovery_id"`
	SignedData string `json:"signed_data"`
	Hash       string
}

func loadExamples(t testing.TB) examples {
	t.Helper()
	text, err := os.ReadFile("testdata/bolt11.json")
	if err != nil {
		t.Fatal(err)
	}
	var e examples
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// exampleSigner has the private key that signed all examples.
func exampleSigner(hrp string, data []byte) ([65]byte, error) {
	raw, _ := hex.DecodeString("e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734")
	priv, _ := btcec.PrivKeyFromBytes(raw)
	hash := SigningHash(hrp, data)
	compact := ecdsa.SignCompact(priv, hash[:], true)
	return [65]byte(append(compact[1:], compact[0]-27-4)), nil
}

const examplePayee = "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad"

const wholeList = "3925b6f67e2c340036ed12093dd44e0368df1b6ea26c53dbe4811f58fd5db8c1"

// want is what an example says; what is not set is as in most of them.
type want struct {
	network   Network
	msat      amount.Msat
	timestamp int64
	hash      string
	text      string
	listHash  bool // instead of the text
	metadata  string
	expiry    time.Duration
	delta     block.Delta
	payee     string
	script    string
	address   string
	routes    [][]HopHint
	features  string
	skipped   string // tags of the skipped fields
	unlike    bool   // its fields are in another order than we write them
}

func pubKey(s string) keys.PubKey {
	p, err := keys.ParsePubKey(s)
	if err != nil {
		panic(err)
	}
	return p
}

const (
	donation = "Please consider supporting this project"
	coffee   = "1 cup coffee"
	beans    = "coffee beans"
	listItem = "Blockstream Store: 88.85 USD for Blockstream Ledger Nano S x 1, \"Back In My Day\" Sticker x 2, " +
		"\"I Got Lightning Working\" Sticker x 2 and 1 more items"
)

var wants = []want{
	{text: donation},
	{msat: 250_000_000, text: coffee, expiry: time.Minute},
	{msat: 250_000_000, text: "ナンセンス 1杯", expiry: time.Minute},
	{msat: 2_000_000_000, listHash: true},
	{network: Testnet, msat: 2_000_000_000, listHash: true, script: "76a9143172b5654f6683c8fb146959d347ce303cae4ca788ac",
		address: "mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP", unlike: true},
	{msat: 2_000_000_000, listHash: true, script: "76a91404b61f7dc1ea0dc99424464cc4064dc564d91e8988ac",
		address: "1RustyRX2oai4EYYDpQGWvEL62BBGqN9T",
		routes: [][]HopHint{{
			{pubKey("029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255"), wire.NewShortChannelID(66051, 263430, 1800), 1, 20, 3},
			{pubKey("039e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255"), wire.NewShortChannelID(197637, 395016, 2314), 2, 30, 4},
		}}},
	{msat: 2_000_000_000, listHash: true, script: "a9148f55563b9a19f321c211e9b9f38cdf686ea0784587",
		address: "3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX", unlike: true},
	{msat: 2_000_000_000, listHash: true, script: "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		address: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", unlike: true},
	{msat: 2_000_000_000, listHash: true, script: "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
		address: "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", unlike: true},
	{msat: 2_000_000_000, listHash: true, script: "51200adac43daa9c8a5a68e09ea10692b82226ee190e572db9b90e17a410484ab405",
		address: "bc1pptdvg0d2nj99568qn6ssdy4cygnwuxgw2ukmnwgwz7jpqjz2kszse2s3lm", unlike: true},
	{msat: 967_878_534, timestamp: 1572468703, hash: "462264ede7e14047e9b249da94fefc47f41f7d02ee9b091815a5506bc8abf75f",
		text: listItem, expiry: 7 * 24 * time.Hour, delta: 10, unlike: true,
		routes: [][]HopHint{{{pubKey("03d06758583bb5154774a6eb221b1276c9e82d65bbaceca806d90e20c108f4b1c7"),
			wire.NewShortChannelID(589390, 3312, 1), 1000, 2500, 40}}}},
	{msat: 2_500_000_000, text: beans, features: "08000000000000000000004100", unlike: true},
	{msat: 2_500_000_000, text: beans, features: "08000000000000000000004100", unlike: true},
	{msat: 2_500_000_000, text: beans, features: "08000000000000000000004100", unlike: true, skipped: "2fpphhssnn"},
	{msat: 1_000_000_000, text: "payment metadata inside", metadata: "01fafaf0", features: "01000000004100", unlike: true},
	// Its s is negated but not its recovery id, so that another key than the signer's is recovered.
	{text: donation, payee: "02d0139ce7427d6dfffd26a326c18be754ef1e64672b42694ba5b23ef6e6e7803d"},
}

func TestBOLT11ValidExamples(t *testing.T) {
	valid := loadExamples(t).Valid
	if len(valid) != len(wants) {
		t.Fatalf("%d examples, %d expectations", len(valid), len(wants))
	}
	for i, ex := range valid {
		t.Run(ex.Name, func(t *testing.T) {
			inv, err := Decode(ex.Invoice)
			if err != nil {
				t.Fatal(err)
			}
			wants[i].check(t, inv)
			ex.checkSigned(t, inv)
			ex.checkEncode(t, inv, wants[i].unlike)
		})
	}
}

func (w want) check(t *testing.T, inv *Invoice) {
	t.Helper()
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s %v, want %v", what, got, want)
		}
	}
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	check("network", inv.Network, Network(or(string(w.network), string(Bitcoin))))
	check("amount", inv.Amount, w.msat)
	check("payee", inv.Payee.String(), or(w.payee, examplePayee))
	check("payment hash", hex.EncodeToString(inv.PaymentHash[:]), or(w.hash, "0001020304050607080900010203040506070809000102030405060708090102"))
	check("payment secret", hex.EncodeToString(inv.PaymentSecret[:]), strings.Repeat("11", 32))
	check("metadata", hex.EncodeToString(inv.PaymentMetadata), w.metadata)
	check("features", hex.EncodeToString(inv.Features), or(w.features, "4100"))
	if w.timestamp == 0 {
		w.timestamp = 1496314658
	}
	check("timestamp", inv.Timestamp.Unix(), w.timestamp)
	if w.expiry == 0 {
		w.expiry = DefaultExpiry
	}
	check("expires at", inv.ExpiresAt().Unix(), w.timestamp+int64(w.expiry/time.Second))
	if w.delta == 0 {
		w.delta = DefaultMinFinalCLTVExpiryDelta
	}
	check("min_final_cltv_expiry_delta", inv.MinFinalCLTVExpiryDelta, w.delta)
	if w.listHash {
		check("description hash", hex.EncodeToString(inv.DescriptionHash[:]), wholeList)
	} else {
		check("description", *inv.Description, w.text)
	}
	var script string
	if len(inv.Fallbacks) > 0 {
		script = hex.EncodeToString(inv.Fallbacks[0].Script())
	}
	check("fallback", script, w.script)
	w.checkAddress(t, inv)
	w.checkRoutes(t, inv)
	var tags strings.Builder
	for _, f := range inv.Skipped {
		tags.WriteByte(f.Tag())
	}
	check("skipped fields", tags.String(), w.skipped)
}

func (w want) checkAddress(t *testing.T, inv *Invoice) {
	t.Helper()
	if len(inv.Fallbacks) == 0 {
		return
	}
	f := inv.Fallbacks[0]
	if got := f.Address(inv.Network); got != w.address {
		t.Errorf("fallback address %s, want %s", got, w.address)
	}
	again, err := FallbackFromAddress(w.address, inv.Network)
	if err != nil || again.Version != f.Version || !bytes.Equal(again.Program, f.Program) {
		t.Errorf("fallback from address %+v, %v", again, err)
	}
}

func (w want) checkRoutes(t *testing.T, inv *Invoice) {
	t.Helper()
	if len(inv.Routes) != len(w.routes) {
		t.Fatalf("%d routes, want %d", len(inv.Routes), len(w.routes))
	}
	for i, route := range w.routes {
		if len(inv.Routes[i]) != len(route) {
			t.Fatalf("route %d: %d hops, want %d", i, len(inv.Routes[i]), len(route))
		}
		for j, hop := range route {
			if inv.Routes[i][j] != hop {
				t.Errorf("route %d: hop %d: %+v, want %+v", i, j, inv.Routes[i][j], hop)
			}
		}
	}
}

// checkSigned compares the signature breakdown, where the BOLT gives one.
func (ex example) checkSigned(t *testing.T, inv *Invoice) {
	t.Helper()
	if ex.Signature == "" {
		return
	}
	if inv.Signature.String() != ex.Signature || inv.RecoveryID != ex.RecoveryID {
		t.Errorf("signature %s %d, want %s %d", inv.Signature, inv.RecoveryID, ex.Signature, ex.RecoveryID)
	}
	_, hrp, data, err := decodeUnchecked(ex.Invoice)
	if err != nil {
		t.Fatal(err)
	}
	hash := SigningHash(hrp, data[:len(data)-signatureWords])
	if hex.EncodeToString(hash[:]) != ex.Hash {
		t.Errorf("hash %x, want %s", hash, ex.Hash)
	}
}

// checkEncode writes the invoice again: to the same string where we use the example's order of fields
// and its signature is ours, otherwise to one of the same meaning.
func (ex example) checkEncode(t *testing.T, inv *Invoice, unlike bool) {
	t.Helper()
	text, err := inv.Encode(exampleSigner)
	if err != nil {
		t.Fatal(err)
	}
	highS := strings.Contains(ex.Name, "high-S")
	if !unlike && !highS && text != ex.Invoice {
		t.Errorf("encoded %s\nwant    %s", text, ex.Invoice)
	}
	again, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	a, b := *inv, *again
	if highS {
		b.Payee = a.Payee
	}
	a.Skipped, b.Skipped = nil, nil
	a.Signature, b.Signature, a.RecoveryID, b.RecoveryID = keys.Signature{}, keys.Signature{}, 0, 0
	if x, y := mustJSON(t, a), mustJSON(t, b); !bytes.Equal(x, y) {
		t.Errorf("encoded anew: %s\nwant %s", y, x)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBOLT11InvalidExamples(t *testing.T) {
	reasons := []string{
		"9 field: invoice requires feature 100",
		"checksum",
		"", // no separator: the string is cut within its words
		"not all lowercase or all uppercase",
		"recover public key",
		"data of",
		`amount "2500x": want digits`,
		"not in whole millisatoshi",
		"no payment secret (s field)",
		"lower half",
	}
	invalid := loadExamples(t).Invalid
	if len(invalid) != len(reasons) {
		t.Fatalf("%d examples, %d reasons", len(invalid), len(reasons))
	}
	for i, ex := range invalid {
		t.Run(ex.Name, func(t *testing.T) {
			_, err := Decode(ex.Invoice)
			if err == nil || !strings.Contains(err.Error(), reasons[i]) {
				t.Errorf("error %v, want %q", err, reasons[i])
			}
		})
	}
}
