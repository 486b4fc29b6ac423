package multipart

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/scripttest"
	"fulmen/internal/wire"
)

// TestScripts runs every testdata/*.txtar.
//
//	pay amount=1000 maxfee=10 parts=5 for=60     begins
//	found ROUTE...                               1000:1x1x1/0@1010:2x2x2/1@1000 delivers 1000 over two channels
//	notfound code=205 text=none
//	delivered part=1
//	failed part=1 kind=along index=1 code=0x1007 update=true
//	lost part=1 code=-1
//	woken, wait seconds=60
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txtar", func(t *testing.T) scripttest.Env { return &env{t: t} })
}

type env struct {
	t   *testing.T
	m   *Machine
	now time.Time
}

// Do implements scripttest.Env.
func (e *env) Do(c *scripttest.Command) (lines []string) {
	for _, a := range e.m.step(e, c) {
		lines = append(lines, show(a))
	}
	return lines
}

func (m *Machine) step(e *env, c *scripttest.Command) []Action {
	defer c.Done()
	part := c.Uint("part", 0)
	switch c.Word(0) {
	case "pay":
		e.now = time.Unix(1_700_000_000, 0)
		e.m = New(Order{
			Amount: amount.Msat(c.Uint("amount", 1000)), MaxFee: amount.Msat(c.Uint("maxfee", 50)), MaxParts: int(c.Uint("parts", 5)),
			Until: e.now.Add(time.Duration(c.Uint("for", 60)) * time.Second),
		})
		return e.m.Step(Begin{}, e.now)
	case "found":
		var routes []Route
		for _, word := range c.Words[1:] {
			routes = append(routes, parseRoute(e.t, word))
		}
		return m.Step(Found{routes}, e.now)
	case "notfound":
		return m.Step(NotFound{int(c.Uint("code", CodeNoRoute)), c.String("text", "no way")}, e.now)
	case "delivered":
		return m.Step(Delivered{part}, e.now)
	case "failed":
		kind := map[string]Kind{"along": AlongRoute, "destination": ByDestination, "unreadable": Unreadable}[c.String("kind", "along")]
		f := Failure{Kind: kind, Index: int(c.Uint("index", 0)), Code: uint16(c.Uint("code", 0x1007)), Text: c.String("text", "reason")}
		if c.Bool("update", false) {
			f.Update = []byte{1, 2}
		}
		return m.Step(Failed{part, f}, e.now)
	case "lost":
		return m.Step(Lost{part, int(c.Uint("code", 1)), c.String("text", "lost")}, e.now)
	case "woken":
		return m.Step(Woken{}, e.now)
	case "wait":
		e.now = e.now.Add(time.Duration(c.Uint("seconds", 0)) * time.Second)
		return nil
	}
	e.t.Fatalf("%s: unknown command", c.Line)
	return nil
}

// parseRoute reads 1000:1x1x1/0@1010:2x2x2/1@1000. Node i is behind the i-th channel.
func parseRoute(t *testing.T, text string) Route {
	number := func(s string) uint64 {
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	}
	fields := strings.Split(text, ":")
	r := Route{Amount: amount.Msat(number(fields[0]))}
	for i, field := range fields[1:] {
		channel, amt, _ := strings.Cut(field, "@")
		id, direction, _ := strings.Cut(channel, "/")
		scid, err := wire.ParseShortChannelID(id)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r.Hops = append(r.Hops, Hop{Channel{scid, int(number(direction))}, keys.PubKey{2, byte(i + 1)}, amount.Msat(number(amt)), 40})
	}
	return r
}

func show(a Action) string {
	switch a := a.(type) {
	case AskRoutes:
		return fmt.Sprintf("ask amount=%d maxfee=%d parts=%d", a.Amount, a.MaxFee, a.MaxParts)
	case Send:
		return fmt.Sprintf("send part=%d amount=%d first=%s", a.Part, a.Route.Amount, a.Route.Hops[0].Channel)
	case Inform:
		return fmt.Sprintf("inform %s %s amount=%d", a.Channel, a.What, a.Amount)
	case Avoid:
		return fmt.Sprintf("avoid %s", a.Channel)
	case AvoidNode:
		return fmt.Sprintf("avoid node=%d", a.Node[1])
	case UseUpdate:
		return fmt.Sprintf("use update of %s, %d bytes", a.Channel, len(a.Update))
	case Sleep:
		return fmt.Sprintf("sleep %s", a.For)
	case Tell:
		return fmt.Sprintf("tell %q", a.Text)
	case Done:
		return fmt.Sprintf("done part=%d", a.Part)
	case Fail:
		return fmt.Sprintf("fail code=%d part=%d %q", a.Code, a.Part, a.Text)
	}
	return fmt.Sprintf("%T", a)
}
