package main

import (
	"context"
	"strings"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
)

type decodeParams struct {
	String string `param:"string" doc:"A BOLT 11 invoice, with or without lightning: before it; a rune; or what begins with clnemerg1, the content of emergency.recover."`
}

// decodeResult is what was taken apart, one of the three.
type decodeResult struct {
	Type string `json:"type" doc:"bolt11 invoice, rune or emergency recover."`
	*decodedInvoice
	*decodedRune
	*decodedRecovery
	Valid bool `json:"valid" doc:"Whether it may be used."`
}

// decodedInvoice is an invoice taken apart.
type decodedInvoice struct {
	Currency           string           `json:"currency" doc:"The network, as the invoice's prefix names it."`
	CreatedAt          int64            `json:"created_at" doc:"When it was made, unix seconds."`
	Expiry             int64            `json:"expiry" doc:"How many seconds after that it can be paid."`
	Payee              command.Hex      `json:"payee" doc:"The node that is paid."`
	AmountMsat         *amount.Msat     `json:"amount_msat,omitempty" doc:"What it asks for; absent if the payer chooses."`
	Description        *string          `json:"description,omitempty" doc:"What it is for."`
	DescriptionHash    command.Hex      `json:"description_hash,omitempty" doc:"SHA256 of what it is for."`
	MinFinalCLTVExpiry block.Delta      `json:"min_final_cltv_expiry" doc:"Blocks that the last HTLC must leave the payee."`
	PaymentSecret      command.Hex      `json:"payment_secret,omitempty" doc:"What the payer shows the payee."`
	PaymentMetadata    command.Hex      `json:"payment_metadata,omitempty" doc:"What the payer gives back to the payee."`
	Features           command.Hex      `json:"features,omitempty" doc:"The feature bits."`
	Fallbacks          []fallbackResult `json:"fallbacks,omitempty" doc:"Addresses to pay to on chain."`
	Routes             [][]hintResult   `json:"routes,omitempty" doc:"Ways to the payee."`
	Extra              []extraResult    `json:"extra,omitempty" doc:"Fields that are not understood."`
	PaymentHash        command.Hex      `json:"payment_hash" doc:"SHA256 of the preimage."`
	Signature          command.Hex      `json:"signature" doc:"The payee's signature, DER."`
}

type fallbackResult struct {
	Type string      `json:"type" doc:"P2PKH, P2SH, P2WPKH, P2WSH or P2TR."`
	Addr string      `json:"addr,omitempty" doc:"The address."`
	Hex  command.Hex `json:"hex" doc:"Its output script."`
}

type hintResult struct {
	PubKey                    command.Hex `json:"pubkey" doc:"The node that forwards."`
	ShortChannelID            string      `json:"short_channel_id" doc:"The channel that it forwards over."`
	FeeBaseMsat               amount.Msat `json:"fee_base_msat" doc:"What it takes for each payment."`
	FeeProportionalMillionths uint32      `json:"fee_proportional_millionths" doc:"What it takes of the amount."`
	CLTVExpiryDelta           block.Delta `json:"cltv_expiry_delta" doc:"The blocks that it needs."`
}

type extraResult struct {
	Tag  string `json:"tag" doc:"The letter of the field."`
	Data string `json:"data" doc:"Its data, bech32."`
}

func (n *node) decodeCommand() *command.Command {
	return command.New(command.Doc{
		Name: "decode", Category: command.Utility,
		Short: "Take an invoice, a rune or an emergency.recover apart.",
		Long: "An invoice's signature is checked; one for another network, or one that has expired, is decoded all the same. A rune may be any node's: " +
			"checkrune says whether it is ours. The content of emergency.recover is decrypted, which only the node that wrote it can.",
		SeeAlso: []string{"pay", "invoice", "createrune", "getemergencyrecoverdata"},
	}, n.decode)
}

func (n *node) decode(_ context.Context, p *decodeParams) (*decodeResult, error) {
	text := strings.TrimSpace(p.String)
	if strings.HasPrefix(strings.ToLower(text), recoveryPrefix) {
		return n.decodeRecovery(text)
	}
	inv, err := decodeInvoice("string", text)
	if err == nil {
		return showDecoded(inv), nil
	}
	if r := decodeRune(text); r != nil {
		return r, nil
	}
	return nil, err
}

// notYet are the other kinds of strings that people try, by how they begin.
var notYet = []struct{ prefix, what string }{
	{"lno1", "a BOLT 12 offer"}, {"lnr1", "a BOLT 12 invoice request"}, {"lni1", "a BOLT 12 invoice"},
	{"lnp1", "a BOLT 12 payer proof"},
}

// decodeInvoice reads a BOLT 11 invoice from the parameter with a name.
func decodeInvoice(param, text string) (*invoice.Invoice, error) {
	text = strings.TrimSpace(text)
	inv, err := invoice.Decode(text)
	if err == nil {
		return inv, nil
	}
	bare := strings.TrimPrefix(strings.ToLower(text), "lightning:")
	for _, kind := range notYet {
		if strings.HasPrefix(bare, kind.prefix) {
			return nil, command.BadParam(param, "is %s, which is not supported yet: of invoices only those of BOLT 11 are", kind.what)
		}
	}
	if !strings.HasPrefix(bare, "ln") {
		return nil, command.BadParam(param, "is no BOLT 11 invoice: %w", err)
	}
	return nil, command.BadParam(param, "%w", err)
}

func showDecoded(inv *invoice.Invoice) *decodeResult {
	r := &decodedInvoice{
		Currency: string(inv.Network), CreatedAt: inv.Timestamp.Unix(),
		Expiry: int64(inv.Expiry / time.Second), Payee: inv.Payee[:], PaymentHash: inv.PaymentHash[:],
		Signature: inv.Signature.AppendDER(nil), Description: inv.Description, MinFinalCLTVExpiry: inv.MinFinalCLTVExpiryDelta,
		PaymentSecret: inv.PaymentSecret[:], Features: command.Hex(inv.Features), PaymentMetadata: inv.PaymentMetadata,
	}
	if inv.Amount != 0 {
		r.AmountMsat = &inv.Amount
	}
	if inv.DescriptionHash != nil {
		r.DescriptionHash = inv.DescriptionHash[:]
	}
	for _, f := range inv.Fallbacks {
		r.Fallbacks = append(r.Fallbacks, fallbackResult{Type: fallbackType(&f), Addr: f.Address(inv.Network), Hex: f.Script()})
	}
	for _, route := range inv.Routes {
		hops := []hintResult{}
		for _, h := range route {
			hops = append(hops, hintResult{h.NodeID[:], h.ShortChannelID.String(), amount.Msat(h.FeeBaseMsat), h.FeeProportionalMillionths, h.CLTVExpiryDelta})
		}
		r.Routes = append(r.Routes, hops)
	}
	for _, f := range inv.Skipped {
		r.Extra = append(r.Extra, extraResult{string(f.Tag()), bech32Text(f.Data)})
	}
	return &decodeResult{Type: "bolt11 invoice", decodedInvoice: r, Valid: true}
}

// fallbackType names what locks an address.
func fallbackType(f *invoice.Fallback) string {
	switch {
	case f.Version == invoice.FallbackP2PKH:
		return "P2PKH"
	case f.Version == invoice.FallbackP2SH:
		return "P2SH"
	case f.Version == 0 && len(f.Program) == 20:
		return "P2WPKH"
	case f.Version == 0:
		return "P2WSH"
	}
	return "P2TR"
}

// bech32Text writes 5-bit words as they stand in an invoice (BIP 173).
func bech32Text(words []byte) string {
	const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	text := make([]byte, len(words))
	for i, w := range words {
		text[i] = charset[w&31]
	}
	return string(text)
}
