// Package plugin is the plugin's side of the plugin protocol: a program declares its options, commands,
// hooks and subscriptions, and calls Run. docs/plugins.md tells what they are.
//
//	p := plugin.New()
//	p.AddOption(plugin.Option{Name: "greeting", Type: plugin.String, Default: "Hello", Description: "How to greet."})
//	p.AddMethod(plugin.Method{Name: "hello", Params: []string{"[name]"}, Description: "Greets.", Run: hello})
//	p.Subscribe("connect", func(ctx context.Context, n plugin.Notification) { ... })
//	err := p.Run()
//
// Commands and hooks are served concurrently; notifications one after the other, in their order.
package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"fulmen/internal/rpc"
)

// Plugin is a program under lightningd's care.
type Plugin struct {
	// Dynamic says that the plugin may be started and stopped while lightningd runs. Before Run.
	Dynamic bool
	// FeatureBits are bits in hex to add to the node's, by place: init, node, channel, invoice. Before Run.
	FeatureBits map[string]string
	// CustomMessages are types of peers' messages that are to be let through to the hook custommsg. Before Run.
	CustomMessages []uint16

	options       []Option
	methods       map[string]Method
	order         []string
	hooks         map[string]Hook
	hookOrder     []string
	subscriptions []subscription
	topics        []string
	onInit        func(Init) error
	told          notices
	changeMu      sync.Mutex // held while an option changes

	nodeMu sync.Mutex
	node   *rpc.Client // nil until the first call
	socket string

	outMu sync.Mutex
	out   io.Writer
}

// The types of options.
const (
	String        = "string"
	StringConceal = "string-conceal" // a secret, which nobody is shown
	Int           = "int"
	Bool          = "bool"
	Flag          = "flag" // set by being there
)

// Option is a command line option that lightningd takes for us.
type Option struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Default     any    `json:"default,omitempty"`
	Description string `json:"description"`
	Multi       bool   `json:"multi,omitempty"` // may be given several times
	Deprecated  bool   `json:"deprecated,omitempty"`
	// Change makes the option dynamic: it is called when setconfig changes the option, from init on, one change after
	// the other. An error refuses the change. The value was checked to be of the option's type.
	Change func(Value) error `json:"-"`
	// Dynamic is the manifest's word for that; AddOption sets it.
	Dynamic bool `json:"dynamic,omitempty"`
}

// Method is a command that lightningd passes on to us.
type Method struct {
	Name        string
	Params      []string // in positional order; one in [] is optional
	Category    string   // in help; empty is lightningd's choice
	Description string
	Verbose     string // the whole explanation, for help with its name; lightningd makes one of the rest if it is empty
	Deprecated  bool
	// Run serves a call, and returns what becomes its result in JSON. Message and Progress with ctx tell
	// the caller how far it is.
	Run func(ctx context.Context, args Args) (any, error)
}

// Init is what lightningd tells us at the start.
type Init struct {
	Options       map[string]json.RawMessage `json:"options"`
	Configuration struct {
		LightningDir string `json:"lightning-dir"`
		RPCFile      string `json:"rpc-file"`
		Startup      bool   `json:"startup"` // the node starts too
		Network      string `json:"network"`
	} `json:"configuration"`
}

// String is the value of a string option, empty where it is not set.
func (i Init) String(name string) (s string, err error) {
	err = i.decode(name, &s)
	return s, err
}

// Int is the value of an int option, 0 where it is not set.
func (i Init) Int(name string) (n int64, err error) {
	err = i.decode(name, &n)
	return n, err
}

// Bool is the value of a bool option, or whether a flag is set; false where it is not.
func (i Init) Bool(name string) (b bool, err error) {
	err = i.decode(name, &b)
	return b, err
}

// Strings are the values of a string option that may be given several times.
func (i Init) Strings(name string) (list []string, err error) {
	err = i.decode(name, &list)
	return list, err
}

func (i Init) decode(name string, v any) error {
	raw, ok := i.Options[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	return nil
}

// New makes a plugin without options and methods.
func New() *Plugin {
	p := &Plugin{options: []Option{}, methods: make(map[string]Method), hooks: make(map[string]Hook), out: os.Stdout}
	p.told.more = sync.NewCond(&p.told.mu)
	return p
}

// AddOption declares an option; before Run.
func (p *Plugin) AddOption(o Option) {
	o.Dynamic = o.Change != nil
	p.options = append(p.options, o)
}

// AddMethod declares a method; before Run.
func (p *Plugin) AddMethod(m Method) {
	p.methods[m.Name] = m
	p.order = append(p.order, m.Name)
}

// OnInit sets what is done with the options; an error disables the plugin, and is its reason. An *Error is a
// failure instead: without a plugin that is important to it, the node does not start.
func (p *Plugin) OnInit(do func(Init) error) { p.onInit = do }

func (p *Plugin) init(params json.RawMessage) (any, error) {
	var i Init
	err := json.Unmarshal(params, &i)
	p.reach(&i)
	if err == nil && p.onInit != nil {
		err = p.onInit(i)
	}
	var failed *Error
	switch {
	case errors.As(err, &failed):
		return nil, err
	case err != nil:
		return map[string]string{"disable": err.Error()}, nil
	}
	return struct{}{}, nil
}

func (p *Plugin) manifest() any {
	type method struct {
		Name        string `json:"name"`
		Usage       string `json:"usage"`
		Category    string `json:"category,omitempty"`
		Description string `json:"description"`
		Verbose     string `json:"long_description,omitempty"`
		Deprecated  bool   `json:"deprecated,omitempty"`
	}
	type topic struct {
		Method string `json:"method"`
	}
	methods := make([]method, 0, len(p.order))
	for _, name := range p.order {
		m := p.methods[name]
		methods = append(methods, method{name, usage(m.Params), m.Category, m.Description, m.Verbose, m.Deprecated})
	}
	var hooks []Hook
	for _, name := range p.hookOrder {
		hooks = append(hooks, p.hooks[name])
	}
	var topics []topic
	for _, name := range p.topics {
		topics = append(topics, topic{name})
	}
	return struct {
		Options        []Option          `json:"options"`
		Methods        []method          `json:"rpcmethods"`
		Hooks          []Hook            `json:"hooks,omitempty"`
		Subscriptions  []string          `json:"subscriptions,omitempty"`
		Notifications  []topic           `json:"notifications,omitempty"`
		FeatureBits    map[string]string `json:"featurebits,omitempty"`
		CustomMessages []uint16          `json:"custommessages,omitempty"`
		NonNumericIDs  bool              `json:"nonnumericids"`
		CanCheck       bool              `json:"cancheck"`
		Dynamic        bool              `json:"dynamic"`
	}{p.options, methods, hooks, p.subscribed(), topics, p.FeatureBits, p.CustomMessages, true, true, p.Dynamic}
}
