// Package command is the table of RPC commands: the one source of parameter parsing, usage strings,
// `help`, `check`, man pages and shell completion.
//
// A command is a function from a struct of parameters to a result. The struct says all there is to say
// about the parameters; New refuses (by panic, at start) one that it cannot parse.
//
//	type delInvoiceParams struct {
//		Label    command.Label `param:"label" doc:"The label given to invoice."`
//		Status   string        `param:"status" enum:"paid,expired,unpaid" doc:"What the invoice must be."`
//		DescOnly bool          `param:"desconly" default:"false" doc:"Remove the description alone."`
//	}
//
//	type delInvoiceResult struct {
//		Label       string      `json:"label" doc:"The label."`
//		PaymentHash command.Hex `json:"payment_hash" doc:"The hash that the preimage has."`
//	}
//
//	func (n *node) delInvoice(ctx context.Context, p *delInvoiceParams) (*delInvoiceResult, error)
//
//	table.Add(command.New(command.Doc{
//		Name: "delinvoice", Category: command.Payment,
//		Short:  "Delete an invoice.",
//		Long:   "An unpaid invoice that is deleted can no longer be paid. ...",
//		Errors: []command.Failure{{Code: rpc.CodeInvoiceNotFound, When: "No invoice has that label."}},
//	}, n.delInvoice))
//
// The order of fields is the order of positional parameters. A field is required unless it is a
// pointer (nil when omitted), has a default, or is tagged `param:"name,optional"` (zero when
// omitted). JSON null means omitted. A slice takes an array of its element's kind; a struct with
// param tags of its own takes an object, in which unknown names are ignored. A field tagged `param:",rest"`, a
// map[string]json.RawMessage, takes parameters of other names, which are refused without it. A type that the package
// does not know implements Value.
//
// If the struct has a method Validate() error, it runs after parsing, in `check` too; its error goes
// to the caller with rpc.CodeInvalidParams.
//
// Results are structs, so that keys keep their order. amount.Msat is an integer in JSON; bytes are
// Hex. rpc.FromContext(ctx) is the request, for notifications.
package command
