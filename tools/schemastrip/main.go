// Command schemastrip reads a folder of schemas and writes what they demand, without any prose: names,
// types, conditions and the order of members, one compact JSON file for each command, and below the folders
// hook and notification for each of those.
//
//	go run ./tools/schemastrip FROM internal/schema/testdata
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"fulmen/internal/jsonobject"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: schemastrip FROM TO")
		os.Exit(2)
	}
	for _, below := range []string{".", "hook", "notification"} {
		if err := stripFolder(filepath.Join(os.Args[1], below), filepath.Join(os.Args[2], below)); err != nil {
			fmt.Fprintf(os.Stderr, "schemastrip: %v\n", err)
			os.Exit(1)
		}
	}
}

func stripFolder(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.json"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, facts, err := stripCommand(content)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if name == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(to, name+".json"), facts, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stripCommand returns the name of a command, hook or notification and its facts in one line; a file that
// describes none gives no name.
func stripCommand(content []byte) (name string, facts []byte, err error) {
	members, err := readObject(content)
	if err != nil {
		return "", nil, err
	}
	var kept []member
	payload := slices.ContainsFunc(members, func(m member) bool { return m.Name == "notification" })
	for _, m := range members {
		switch m.Name {
		case "rpc", "hook", "notification":
			if err := json.Unmarshal(m.Value, &name); err != nil {
				return "", nil, err
			}
		case "request", "response":
			if m.Value, err = stripSchema(m.Value); err != nil {
				return "", nil, fmt.Errorf("%s: %w", m.Name, err)
			}
		case "additionalProperties":
			if !payload { // of a notification it is about the payload
				continue
			}
		default:
			continue
		}
		kept = append(kept, m)
	}
	return name, append(writeObject(kept), '\n'), nil
}

// stripSchema keeps the words that say what is valid.
func stripSchema(raw json.RawMessage) (json.RawMessage, error) {
	members, err := readObject(raw)
	if err != nil {
		return nil, err
	}
	var kept []member
	for _, m := range members {
		switch m.Name {
		case "type", "required", "additionalProperties", "enum", "minLength", "maxLength", "minItems", "maxItems",
			"dependentUpon", "oneOfMany":
		case "properties":
			m.Value, err = stripEach(m.Value)
		case "items", "if", "then", "else":
			m.Value, err = stripSchema(m.Value)
		case "allOf", "anyOf", "oneOf":
			m.Value, err = stripList(m.Value)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		kept = append(kept, m)
	}
	return writeObject(kept), nil
}

// stripEach keeps all names: here they are those of members, "description" among them.
func stripEach(raw json.RawMessage) (json.RawMessage, error) {
	members, err := readObject(raw)
	if err != nil {
		return nil, err
	}
	for i, m := range members {
		if members[i].Value, err = stripSchema(m.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return writeObject(members), nil
}

func stripList(raw json.RawMessage) (json.RawMessage, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	for i := range list {
		stripped, err := stripSchema(list[i])
		if err != nil {
			return nil, err
		}
		list[i] = stripped
	}
	return json.Marshal(list)
}

// member keeps its place.
type member = jsonobject.Member[json.RawMessage]

func readObject(raw []byte) (members jsonobject.Object[json.RawMessage], err error) {
	err = json.Unmarshal(raw, &members)
	return members, err
}

func writeObject(members []member) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", m.Name)
		if err := json.Compact(&b, m.Value); err != nil {
			panic(err) // the decoder gave it to us
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}
