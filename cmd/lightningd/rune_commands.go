package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/runes"
	"fulmen/internal/store"
)

// readOnly is what the restriction "readonly" stands for.
var readOnly = [][]string{{"method^list", "method^get", "method=summary"}, {"method/listdatastore"}}

// restrictionsParam is an array of arrays of alternatives, or "readonly".
type restrictionsParam []runes.Restriction

// ParamKind implements command.Value.
func (restrictionsParam) ParamKind() string { return "array of arrays of strings, or readonly" }

// ParseParam implements command.Value.
func (r *restrictionsParam) ParseParam(t command.Token) error {
	list := [][]string{}
	if text, err := t.Text(); err == nil && text == "readonly" {
		list = readOnly
	} else if err := json.Unmarshal(t.Raw(), &list); err != nil {
		return fmt.Errorf(`should be an array of arrays of strings, or "readonly"`)
	}
	for _, alternatives := range list {
		m, err := runes.Parse(alternatives)
		if err != nil {
			return err
		}
		*r = append(*r, m)
	}
	return nil
}

func (n *node) runeCommands() []*command.Command {
	return []*command.Command{
		command.New(command.Doc{
			Name: "createrune", Category: command.Utility,
			Short: "Make a rune, which lets its owner run some commands, or restrict one further.",
			Long: "Each restriction is an array of alternatives, of which one must be met: a field, a condition and a value. Fields are time (unix seconds), id " +
				"(of the peer), method, pnum (number of parameters), pnameX (parameter X), parrN (parameter at position N), pinvX_N (amount, description or node of the invoice that is parameter X), " +
				"rate (uses in a minute) and per (time between uses: 5sec, 1day). Conditions are = equal, / unequal, ^ starts with, $ ends with, ~ contains, " +
				"< and > for numbers, { and } for text, ! missing, and # for a comment. Anybody who has a rune can restrict it further.",
			SeeAlso: []string{"showrunes", "checkrune", "blacklistrune", "commando"},
		}, n.createRune),
		command.New(command.Doc{
			Name: "showrunes", Category: command.Utility,
			Short:   "List the runes that were made here, or explain one.",
			SeeAlso: []string{"createrune", "blacklistrune"},
		}, n.showRunes),
		command.New(command.Doc{
			Name: "checkrune", Category: command.Utility,
			Short: "Check whether a rune allows a command, and count it as used.",
			Long:  "For programs that take commands from others by a way of their own. Nothing is run.",
			Errors: []command.Failure{
				{Code: rpc.CodeRuneNotAuthorized, When: "The rune is not of this node, or is none."},
				{Code: rpc.CodeRuneNotPermitted, When: "The rune does not allow this; the message says why."},
				{Code: rpc.CodeRuneBlacklisted, When: "The rune is blacklisted."},
			},
			SeeAlso: []string{"createrune", "commando"},
		}, n.checkRune),
		command.New(command.Doc{
			Name: "blacklistrune", Category: command.Utility,
			Short:   "Take back runes, or list those that are.",
			Long:    "With a rune, all that were made of it by more restrictions are taken back, as they have its unique_id.",
			SeeAlso: []string{"createrune", "showrunes"},
		}, n.blacklistRune),
		n.commandoCommand(),
	}
}

type createRuneParams struct {
	Rune         *string            `param:"rune" doc:"The rune to restrict further; without it a new one is made."`
	Restrictions *restrictionsParam `param:"restrictions" doc:"What to restrict it to: an array of arrays of alternatives, or readonly."`
}

type createRuneResult struct {
	Rune     string `json:"rune" doc:"The rune."`
	UniqueID string `json:"unique_id" doc:"Its id, which all that are made of it share."`
	Warning  string `json:"warning_unrestricted_rune,omitempty" doc:"That the rune allows everything."`
}

func (n *node) createRune(ctx context.Context, p *createRuneParams) (*createRuneResult, error) {
	var restrictions []runes.Restriction
	if p.Restrictions != nil {
		restrictions = *p.Restrictions
	}
	var made runes.Rune
	if p.Rune != nil {
		old, err := runes.Decode(*p.Rune)
		if err != nil {
			return nil, command.BadParam("rune", "%w", err)
		}
		made = old.Restrict(restrictions...)
	} else {
		secret, err := n.runeSecret(ctx)
		if err != nil {
			return nil, err
		}
		err = n.db.Update(func(tx *storeTx) error {
			return tx.AddRune(func(id uint64) string {
				made = runes.New(secret, strconv.FormatUint(id, 10)).Restrict(restrictions...)
				return made.Encode()
			})
		})
		if err != nil {
			return nil, fmt.Errorf("store the rune: %w", err)
		}
	}
	id, _ := made.UniqueID()
	r := &createRuneResult{Rune: made.Encode(), UniqueID: id}
	if len(made.Conditions()) == 0 {
		r.Warning = "This rune allows every command: whoever has it can spend all that this node has. Restrict it with the parameter restrictions."
	}
	return r, nil
}

type showRunesParams struct {
	Rune *string `param:"rune" doc:"The rune to explain; without it all are listed."`
}

type runeAlternative struct {
	FieldName string `json:"fieldname" doc:"What is compared."`
	Value     string `json:"value" doc:"What it is compared with."`
	Condition string `json:"condition" doc:"How."`
	English   string `json:"english" doc:"The same in words."`
}

type runeRestriction struct {
	Alternatives []runeAlternative `json:"alternatives" doc:"One of them must be met."`
	English      string            `json:"english" doc:"The same in words."`
}

type runeEntry struct {
	Rune         string            `json:"rune" doc:"The rune."`
	Stored       *bool             `json:"stored,omitempty" doc:"False if it is none of those that were made here."`
	Blacklisted  bool              `json:"blacklisted,omitempty" doc:"True if it was taken back."`
	LastUsed     float64           `json:"last_used,omitempty" doc:"When it was last used, unix seconds."`
	OurRune      *bool             `json:"our_rune,omitempty" doc:"False if it is not of this node."`
	UniqueID     string            `json:"unique_id" doc:"Its id."`
	Restrictions []runeRestriction `json:"restrictions" doc:"All of them must be met."`
	English      string            `json:"restrictions_as_english" doc:"The same in words."`
}

type showRunesResult struct {
	Runes []*runeEntry `json:"runes" doc:"The runes, by their id."`
}

func (n *node) showRunes(ctx context.Context, p *showRunesParams) (*showRunesResult, error) {
	byID, list, err := n.storedRunes()
	if err != nil {
		return nil, err
	}
	if p.Rune != nil {
		e, err := n.explainRune(ctx, *p.Rune, byID)
		if err != nil {
			return nil, err
		}
		return &showRunesResult{[]*runeEntry{e}}, nil
	}
	r := &showRunesResult{Runes: make([]*runeEntry, len(list))}
	for i, s := range list {
		decoded, err := runes.Decode(s.Text)
		if err != nil {
			return nil, fmt.Errorf("stored rune %d: %w", s.ID, err)
		}
		if r.Runes[i], err = n.showRune(decoded, s); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// explainRune shows a rune that may be anybody's.
func (n *node) explainRune(ctx context.Context, text string, byID map[uint64]store.StoredRune) (*runeEntry, error) {
	r, err := runes.Decode(text)
	if err != nil {
		return nil, command.BadParam("rune", "%w", err)
	}
	secret, err := n.runeSecret(ctx)
	if err != nil {
		return nil, err
	}
	id, ok := runeID(r)
	ours := ok && r.IsFrom(secret)
	stored := byID[id]
	if !ours {
		stored = store.StoredRune{ID: store.MaxRuneID}
	}
	e, err := n.showRune(r, stored)
	no := false
	if stored.Text != e.Rune {
		e.Stored = &no
	}
	if !ours {
		e.OurRune, e.Blacklisted = &no, false
	}
	return e, err
}

func (n *node) showRune(r runes.Rune, s store.StoredRune) (*runeEntry, error) {
	e := &runeEntry{Rune: r.Encode(), Restrictions: []runeRestriction{}}
	e.UniqueID, _ = r.UniqueID()
	for _, m := range r.Conditions() {
		shown := runeRestriction{English: m.English()}
		for _, a := range m {
			shown.Alternatives = append(shown.Alternatives, runeAlternative{a.Field, a.Value, string(a.Condition), a.English()})
		}
		e.Restrictions = append(e.Restrictions, shown)
		if e.English != "" {
			e.English += " AND "
		}
		e.English += shown.English
	}
	if !s.LastUsed.IsZero() {
		e.LastUsed = fractional(s.LastUsed)
	}
	var err error
	e.Blacklisted, err = n.isBlacklisted(s.ID)
	return e, err
}

type checkRuneParams struct {
	Rune   string           `param:"rune" doc:"The rune."`
	NodeID string           `param:"nodeid,optional" doc:"Who wants to run the command."`
	Method string           `param:"method,optional" doc:"The command."`
	Params *json.RawMessage `param:"params" doc:"Its parameters, an array or an object."`
}

// Validate implements the check after parsing.
func (p *checkRuneParams) Validate() error { return checkParamsOf(p.Params) }

// checkParamsOf refuses what cannot be a command's parameters.
func checkParamsOf(raw *json.RawMessage) error {
	if raw != nil && (*raw)[0] != '[' && (*raw)[0] != '{' {
		return command.BadParam("params", "should be an array or an object")
	}
	return nil
}

type checkRuneResult struct {
	Valid bool `json:"valid" doc:"Always true: anything else is an error."`
}

func (n *node) checkRune(ctx context.Context, p *checkRuneParams) (*checkRuneResult, error) {
	use := runeUse{nodeID: p.NodeID, method: p.Method}
	if p.Params != nil {
		use.params = *p.Params
	}
	if err := n.useRune(ctx, p.Rune, use); err != nil {
		return nil, err
	}
	return &checkRuneResult{true}, nil
}
