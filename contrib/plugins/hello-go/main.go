// Command hello-go is an example of a plugin in Go: an option, a command that calls lightningd, and a
// subscription.
//
//	go build -o hello-go ./contrib/plugins/hello-go
//	lightning-cli plugin start $PWD/hello-go
//	lightning-cli hello
package main

import (
	"context"
	"fmt"
	"os"

	"fulmen/plugins/plugin"
)

func main() {
	p := plugin.New()
	p.Dynamic = true
	greeting := "Hello"
	p.AddOption(plugin.Option{Name: "greeting", Type: plugin.String, Default: greeting, Description: "How to greet"})
	p.OnInit(func(i plugin.Init) (err error) {
		greeting, err = i.String("greeting")
		return err
	})
	p.AddMethod(plugin.Method{
		Name: "hello", Params: []string{"[name]"}, Description: "Greets somebody, or this node.",
		Run: func(ctx context.Context, args plugin.Args) (any, error) {
			var info struct {
				Alias string `json:"alias"`
			}
			if err := p.Call(ctx, "getinfo", nil, &info); err != nil {
				return nil, err
			}
			name := info.Alias
			if err := args.Get("name", &name); err != nil {
				return nil, err
			}
			return map[string]string{"greeting": greeting + ", " + name}, nil
		},
	})
	p.Subscribe("connect", func(_ context.Context, n plugin.Notification) {
		var peer struct {
			ID string `json:"id"`
		}
		if n.Decode(&peer) == nil {
			p.Log("info", "%s, %s", greeting, peer.ID)
		}
	})
	if err := p.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "hello-go:", err)
		os.Exit(1)
	}
}
