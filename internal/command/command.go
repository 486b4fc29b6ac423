package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"fulmen/internal/rpc"
)

// Category groups commands in help.
type Category string

// The categories that people know.
const (
	Bitcoin  Category = "bitcoin"
	Channels Category = "channels"
	Network  Category = "network"
	Payment  Category = "payment"
	Plugins  Category = "plugin"
	Utility  Category = "utility"
)

// Doc is what people read about a command.
type Doc struct {
	Name     string
	Category Category
	Short    string // one line, a sentence
	Long     string // paragraphs, parted by empty lines
	Errors   []Failure
	SeeAlso  []string // names of commands
}

// Failure is an error code that the command has of its own, and when it is returned.
type Failure struct {
	Code rpc.Code
	When string
}

// Command is one entry of the Table.
type Command struct {
	Doc
	Params  []Param
	Results []Result

	parse func(json.RawMessage) (any, error)
	run   func(context.Context, any) (any, error)
}

// None is the parameters of a command that takes none.
type None struct{}

// New makes a command from its documentation and handler. P is a struct as the package comment
// describes; anything wrong with it or with d is a panic.
func New[P, R any](d Doc, run func(context.Context, *P) (R, error)) *Command {
	d.check()
	fields, rest := structFields(d.Name, reflect.TypeFor[P]()), restField(d.Name, reflect.TypeFor[P]())
	c := &Command{Doc: d, Results: results(reflect.TypeFor[R]())}
	for _, f := range fields {
		c.Params = append(c.Params, f.Param)
	}
	c.parse = func(raw json.RawMessage) (any, error) {
		p := new(P)
		if err := c.bind(raw, fields, rest, reflect.ValueOf(p).Elem()); err != nil {
			return nil, err
		}
		return p, validate(p)
	}
	c.run = func(ctx context.Context, p any) (any, error) { return run(ctx, p.(*P)) }
	return c
}

// check holds the documentation to what help needs.
func (d *Doc) check() {
	switch {
	case d.Name == "":
		panic("command: no name")
	case d.Category == "":
		panic(fmt.Sprintf("command %s: no category", d.Name))
	case d.Short == "" || strings.Contains(d.Short, "\n"):
		panic(fmt.Sprintf("command %s: Short must be one line", d.Name))
	}
}

// validate asks the parameters whether they go together. An error that has a code keeps it.
func validate(p any) error {
	v, ok := p.(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := v.Validate()
	if err == nil || errors.As(err, new(*rpc.Error)) {
		return err
	}
	return rpc.Errorf(rpc.CodeInvalidParams, "%w", err)
}

// Usage is the name with its parameters, optional ones in brackets.
func (c *Command) Usage() string {
	var b strings.Builder
	b.WriteString(c.Name)
	for _, p := range c.Params {
		if p.Required {
			b.WriteString(" " + p.Name)
		} else {
			b.WriteString(" [" + p.Name + "]")
		}
	}
	return b.String()
}

// BadParam is the error for a parameter that only the handler can judge.
func BadParam(name, format string, args ...any) *rpc.Error {
	return rpc.Errorf(rpc.CodeInvalidParams, name+": "+format, args...)
}
