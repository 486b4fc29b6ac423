package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/invoice"
	"fulmen/internal/invoices"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// defaultInvoiceExpiry is a week.
const defaultInvoiceExpiry = 7 * 24 * time.Hour

// maxDescription is what fits the `d` field of BOLT 11.
const maxDescription = 639

type invoiceParams struct {
	Amount      command.MsatOrAny `param:"amount_msat" doc:"What is asked for; any leaves it to the payer."`
	Label       command.Label     `param:"label" doc:"A name for it, unique, never shown to others."`
	Description string            `param:"description" doc:"What it is for; the payer sees it."`
	Expiry      *uint64           `param:"expiry" doc:"Seconds until it expires; a week if omitted."`
	Fallbacks   []string          `param:"fallbacks,optional" doc:"Addresses to pay to on chain, the preferred first."`
	Preimage    *[32]byte         `param:"preimage" doc:"The preimage to use; random if omitted. It must be fresh and secret."`
	Expose      *exposeChannels   `param:"exposeprivatechannels" doc:"Whether unannounced channels may be named as a way to us: a boolean, a short_channel_id, or an array of them."`
	CLTV        *uint16           `param:"cltv" doc:"min_final_cltv_expiry; the option cltv-final if omitted."`
	HashOnly    bool              `param:"deschashonly" default:"false" doc:"Carry the SHA256 of the description instead of itself."`
}

type newInvoiceResult struct {
	Bolt11          string      `json:"bolt11" doc:"The invoice, for its payer."`
	PaymentHash     command.Hex `json:"payment_hash" doc:"SHA256 of the preimage."`
	PaymentSecret   command.Hex `json:"payment_secret" doc:"What the payer shows to prove that it read the invoice."`
	ExpiresAt       int64       `json:"expires_at" doc:"When it can no longer be paid, unix seconds."`
	CreatedIndex    uint64      `json:"created_index" doc:"Counts invoices in the order of creation."`
	WarningCapacity string      `json:"warning_capacity,omitempty" doc:"All channels together cannot receive so much."`
	WarningOffline  string      `json:"warning_offline,omitempty" doc:"They could, were their peers connected."`
	WarningDeadEnds string      `json:"warning_deadends,omitempty" doc:"They could, but their peers have no other announced channels: nobody can pay through them."`
	WarningPrivate  string      `json:"warning_private_unused,omitempty" doc:"They could, if unannounced channels were named (exposeprivatechannels)."`
	WarningMPP      string      `json:"warning_mpp,omitempty" doc:"No single channel can receive so much: the payer must split."`
}

func (n *node) invoiceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "invoice", Category: command.Payment,
		Short: "Create an invoice for a payment to this node.",
		Long: "The result's bolt11 is what the payer needs. The invoice can be paid once, in one or several parts, until it expires. " +
			"It is stored before it is returned.",
		Errors: []command.Failure{
			{Code: rpc.CodeInvoiceLabelExists, When: "An invoice has that label."},
			{Code: rpc.CodeInvoicePreimageExists, When: "An invoice has that preimage."},
		},
		SeeAlso: []string{"listinvoices", "waitinvoice", "pay", "delinvoice"},
	}, n.createInvoiceFor)
}

func (n *node) createInvoiceFor(ctx context.Context, p *invoiceParams) (*newInvoiceResult, error) {
	var preimage [32]byte
	rand.Read(preimage[:])
	if p.Preimage != nil {
		preimage = *p.Preimage
	}
	inv, err := n.newInvoice(p, preimage)
	if err != nil {
		return nil, err
	}
	capacity, err := n.receiveVia(ctx, p.Amount.Msat, p.Expose)
	if err != nil {
		return nil, err
	}
	inv.Routes = capacity.hints
	stored, err := n.signAndStore(ctx, inv, string(p.Label), p.Description, preimage)
	if err != nil {
		return nil, err
	}
	r := &newInvoiceResult{
		Bolt11: stored.Bolt11, PaymentHash: stored.PaymentHash[:], PaymentSecret: stored.PaymentSecret[:],
		ExpiresAt: stored.ExpiresAt.Unix(), CreatedIndex: stored.CreatedIndex,
	}
	capacity.warn(r, p.Amount.Msat)
	return r, nil
}

// newInvoice is the invoice that the caller wants, but for the ways to this node.
func (n *node) newInvoice(p *invoiceParams, preimage [32]byte) (*invoice.Invoice, error) {
	expiry := defaultInvoiceExpiry
	switch {
	case len(p.Description) > maxDescription && !p.HashOnly:
		return nil, command.BadParam("description", "should be at most %d bytes (set deschashonly for a longer one)", maxDescription)
	case p.Expiry != nil && *p.Expiry > 100*365*24*3600:
		return nil, command.BadParam("expiry", "should be at most a hundred years")
	case p.Expiry != nil:
		expiry = time.Duration(*p.Expiry) * time.Second
	}
	if p.Amount.Msat == 0 && !p.Amount.Any {
		return nil, command.BadParam("amount_msat", `should be positive, or "any"`)
	}
	inv := &invoice.Invoice{
		Network: n.network.Invoice, Amount: p.Amount.Msat, Timestamp: n.now().Truncate(time.Second),
		PaymentHash: sha256.Sum256(preimage[:]), Expiry: expiry,
		MinFinalCLTVExpiryDelta: n.policy.CLTVFinal, Features: n.ourFeatures(features.Invoice),
	}
	rand.Read(inv.PaymentSecret[:])
	if p.CLTV != nil {
		inv.MinFinalCLTVExpiryDelta = block.Delta(*p.CLTV)
	}
	if p.HashOnly {
		hash := sha256.Sum256([]byte(p.Description))
		inv.DescriptionHash = &hash
	} else {
		inv.Description = &p.Description
	}
	for i, address := range p.Fallbacks {
		f, err := invoice.FallbackFromAddress(address, inv.Network)
		if err != nil {
			return nil, command.BadParam(fmt.Sprintf("fallbacks[%d]", i), "%w", err)
		}
		inv.Fallbacks = append(inv.Fallbacks, f)
	}
	return inv, nil
}

// signAndStore has hsmd sign inv, and stores it under label.
func (n *node) signAndStore(ctx context.Context, inv *invoice.Invoice, label, description string, preimage [32]byte) (*invoices.Invoice, error) {
	bolt11, err := n.signedText(ctx, inv)
	if err != nil {
		return nil, err
	}
	stored := &invoices.Invoice{
		Label: label, Bolt11: bolt11, Description: description, PaymentHash: inv.PaymentHash, Preimage: preimage,
		PaymentSecret: inv.PaymentSecret, Amount: inv.Amount, MinFinalCLTV: inv.MinFinalCLTVExpiryDelta,
		ExpiresAt: inv.ExpiresAt(), Status: invoices.Unpaid,
	}
	if err := n.refuseDuplicate(stored); err != nil {
		return nil, err
	}
	if err := n.db.Update(func(tx *storeTx) error { return tx.CreateInvoice(stored) }); err != nil {
		// Another call may have been faster since the check above.
		if duplicate := n.refuseDuplicate(stored); duplicate != nil {
			return nil, duplicate
		}
		return nil, err
	}
	n.loop.post(n.scheduleExpiry)
	n.tellInvoiceCreated(stored)
	return stored, nil
}

func (n *node) refuseDuplicate(i *invoices.Invoice) error {
	have, err := n.db.InvoiceByLabel(i.Label)
	if err != nil {
		return err
	}
	if have != nil {
		return rpc.Errorf(rpc.CodeInvoiceLabelExists, "label: an invoice with label %q exists already", i.Label)
	}
	if have, err = n.db.InvoiceByHash(i.PaymentHash); err != nil {
		return err
	}
	if have != nil {
		return rpc.Errorf(rpc.CodeInvoicePreimageExists, "preimage: an invoice with payment_hash %x exists already", i.PaymentHash)
	}
	return nil
}

// exposeChannels says which channels an invoice may name: nil in it means all or none.
type exposeChannels struct {
	All  bool
	Only []wire.ShortChannelID
}

// ParamKind implements command.Value.
func (exposeChannels) ParamKind() string { return "boolean, short_channel_id, or an array of them" }

// ParseParam implements command.Value.
func (e *exposeChannels) ParseParam(t command.Token) error {
	if items, err := t.Array(); err == nil {
		for _, item := range items {
			if err := e.add(item); err != nil {
				return err
			}
		}
		return nil
	}
	switch string(t.Raw()) {
	case "true", "false", `"true"`, `"false"`:
		e.All = string(t.Raw())[0] == 't' || string(t.Raw()) == `"true"`
		return nil
	}
	return e.add(t)
}

func (e *exposeChannels) add(t command.Token) error {
	s, err := t.Text()
	if err != nil {
		return fmt.Errorf("should be a boolean, a short_channel_id, or an array of them")
	}
	id, err := wire.ParseShortChannelID(s)
	if err != nil {
		return err
	}
	e.Only = append(e.Only, id)
	return nil
}
