// Package plugin is the plugin's side of the plugin protocol: a program declares its options and
// methods and calls Run. Requests are served concurrently.
package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Plugin is a program under lightningd's care.
type Plugin struct {
	options []Option
	methods map[string]Method
	order   []string
	onInit  func(Init) error

	outMu sync.Mutex
	out   io.Writer
}

// Option is a command line option that lightningd takes for us.
type Option struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // string, string-conceal, int, bool or flag
	Default     any    `json:"default,omitempty"`
	Description string `json:"description"`
}

// Method is a command that lightningd passes on to us.
type Method struct {
	Name        string
	Params      []string // in positional order; one in [] is optional
	Description string
	Run         func(ctx context.Context, args Args) (any, error)
}

// Init is what lightningd tells us at the start.
type Init struct {
	Options       map[string]json.RawMessage `json:"options"`
	Configuration struct {
		LightningDir string `json:"lightning-dir"`
		RPCFile      string `json:"rpc-file"`
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

// Error is an answer with a code of its own; other errors are answered with -1.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// The codes of JSON-RPC itself, and of an error without one.
const (
	codeUnspecified    = -1
	codeMethodNotFound = -32601
	codeInvalidParams  = -32602
)

// New makes a plugin without options and methods.
func New() *Plugin {
	return &Plugin{options: []Option{}, methods: make(map[string]Method), out: os.Stdout}
}

// AddOption declares an option; before Run.
func (p *Plugin) AddOption(o Option) { p.options = append(p.options, o) }

// AddMethod declares a method; before Run.
func (p *Plugin) AddMethod(m Method) {
	p.methods[m.Name] = m
	p.order = append(p.order, m.Name)
}

// OnInit sets what is done with the options; an error disables the plugin, and is its reason.
func (p *Plugin) OnInit(do func(Init) error) { p.onInit = do }

// Log writes a line to lightningd's log, at one of its levels: debug, info, unusual, broken.
func (p *Plugin) Log(level, format string, args ...any) {
	p.write(map[string]any{"jsonrpc": "2.0", "method": "log", "params": map[string]string{
		"level": level, "message": fmt.Sprintf(format, args...),
	}})
}

// Run serves lightningd until it closes our stdin.
func (p *Plugin) Run() error { return p.serve(os.Stdin) }

type call struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

func (p *Plugin) serve(in io.Reader) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dec := json.NewDecoder(in)
	for {
		var c call
		if err := dec.Decode(&c); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read from lightningd: %w", err)
		}
		switch c.Method {
		case "getmanifest":
			p.reply(c.ID, p.manifest(), nil)
		case "init":
			p.reply(c.ID, p.init(c.Params), nil)
		default:
			if c.ID != nil {
				go func() { p.run(ctx, c) }()
			}
		}
	}
}

func (p *Plugin) run(ctx context.Context, c call) {
	m, ok := p.methods[c.Method]
	if !ok {
		p.reply(c.ID, nil, &Error{Code: codeMethodNotFound, Message: fmt.Sprintf("unknown command %q", c.Method)})
		return
	}
	args, err := parseArgs(m.Params, c.Params)
	if err != nil {
		p.reply(c.ID, nil, &Error{Code: codeInvalidParams, Message: err.Error()})
		return
	}
	result, err := m.Run(ctx, args)
	p.reply(c.ID, result, err)
}

func (p *Plugin) init(params json.RawMessage) any {
	var i Init
	err := json.Unmarshal(params, &i)
	if err == nil && p.onInit != nil {
		err = p.onInit(i)
	}
	if err != nil {
		return map[string]string{"disable": err.Error()}
	}
	return struct{}{}
}

func (p *Plugin) manifest() any {
	type method struct {
		Name        string `json:"name"`
		Usage       string `json:"usage"`
		Description string `json:"description"`
	}
	methods := make([]method, 0, len(p.order))
	for _, name := range p.order {
		m := p.methods[name]
		methods = append(methods, method{name, usage(m.Params), m.Description})
	}
	return struct {
		Options       []Option `json:"options"`
		Methods       []method `json:"rpcmethods"`
		NonNumericIDs bool     `json:"nonnumericids"`
		Dynamic       bool     `json:"dynamic"`
	}{p.options, methods, true, false}
}

func (p *Plugin) reply(id json.RawMessage, result any, err error) {
	if err == nil {
		p.write(struct {
			JSONRPC string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
			Result  any             `json:"result"`
		}{"2.0", id, result})
		return
	}
	coded := &Error{Code: codeUnspecified, Message: err.Error()}
	errors.As(err, &coded)
	p.write(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *Error          `json:"error"`
	}{"2.0", id, coded})
}

func (p *Plugin) write(v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("plugin: unencodable message %T: %v", v, err)) // our bug
	}
	b.WriteByte('\n')
	p.outMu.Lock()
	defer p.outMu.Unlock()
	// Where lightningd is gone, so are its requests: the end of stdin says so too.
	_, _ = p.out.Write(b.Bytes())
}
