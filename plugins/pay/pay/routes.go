package pay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/multipart"
	"fulmen/internal/wire"
	"fulmen/plugins/plugin"
)

// cltvMargin is how many blocks more than the payee asks for its HTLC gets: blocks may be found on the way.
const cltvMargin = 3

// foundRoutes is what getroutes answers, as far as it is needed.
type foundRoutes struct {
	Routes []struct {
		Amount amount.Msat `json:"amount_msat"`
		Path   []struct {
			Channel string      `json:"short_channel_id_dir"`
			Node    string      `json:"node_id_out"`
			Amount  amount.Msat `json:"amount_out_msat"`
			Delay   uint32      `json:"cltv_out"`
		} `json:"path"`
	} `json:"routes"`
}

// question asks for routes by layers.
type question func(ctx context.Context, a multipart.AskRoutes, layers []string) multipart.Event

// layers are those that count for this payment, the later before the earlier.
func (r *run) layers() []string {
	list := append([]string{"auto.localchans", "auto.sourcefree", learnedLayer}, r.order.layers...)
	if r.layer.made {
		list = append(list, r.layer.name)
	}
	return list
}

// routeQuestion returns what asks topology for routes of this payment.
func (r *run) routeQuestion(self keys.PubKey) question {
	o := r.order
	finalCLTV := min(o.minCLTV, mostDelay) + cltvMargin // more than that finds no route, and no sum with it wraps
	finalCLTV += r.p.shadow(o.maxDelay, finalCLTV)
	ask := func(ctx context.Context, a multipart.AskRoutes, layers []string) multipart.Event {
		var found foundRoutes
		err := r.p.Node.Call(ctx, "getroutes", map[string]any{
			"source": self.String(), "destination": o.payee.String(), "amount_msat": a.Amount, "layers": layers, "maxfee_msat": a.MaxFee,
			"final_cltv": finalCLTV, "maxdelay": o.maxDelay, "maxparts": a.MaxParts,
		}, &found)
		var e *plugin.Error
		switch {
		case errors.As(err, &e):
			return multipart.NotFound{Code: e.Code, Text: e.Message}
		case err != nil:
			return multipart.NotFound{Code: codeFailed, Text: err.Error()}
		}
		routes := make([]multipart.Route, len(found.Routes))
		for i, f := range found.Routes {
			routes[i].Amount = f.Amount
			for _, h := range f.Path {
				channel, err := parseChannel(h.Channel)
				node, nodeErr := keys.ParsePubKey(h.Node)
				if err = errors.Join(err, nodeErr); err != nil {
					return multipart.NotFound{Code: codeFailed, Text: "getroutes: " + err.Error()}
				}
				routes[i].Hops = append(routes[i].Hops, multipart.Hop{Channel: channel, Node: node, Amount: h.Amount, Delay: block.Delta(h.Delay)})
			}
		}
		return multipart.Found{Routes: routes}
	}
	if o.keysend == nil {
		return ask
	}
	return func(ctx context.Context, a multipart.AskRoutes, layers []string) multipart.Event {
		if a.Amount == o.total && a.MaxParts > 1 { // parts of keysend only where one will not do
			one := a
			one.MaxParts = 1
			if found, ok := ask(ctx, one, layers).(multipart.Found); ok {
				return found
			}
		}
		return ask(ctx, a, layers)
	}
}

func parseChannel(text string) (c multipart.Channel, err error) {
	id, direction, _ := strings.Cut(text, "/")
	if c.ID, err = wire.ParseShortChannelID(id); err != nil {
		return c, err
	}
	if direction != "0" && direction != "1" {
		return c, fmt.Errorf("direction of channel %q", text)
	}
	c.Direction = int(direction[0] - '0')
	return c, nil
}

// shadow is a random delay on top of the payee's own, as if the route went on: so the last nodes of a route
// cannot tell from the expiry who is paid (BOLT 7, Recommendations for Routing).
func (p *Payer) shadow(maxDelay, finalCLTV block.Delta) block.Delta {
	deltas := [...]block.Delta{34, 40, 80, 144} // as many nodes of the network have them
	random := p.Random()
	var sum block.Delta
	for range random % 4 {
		random /= 4
		next := sum + deltas[random%4]
		if finalCLTV+next > maxDelay/4 {
			break
		}
		sum = next
	}
	return sum
}
