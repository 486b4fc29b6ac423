package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// input is where the operator's secrets come from: the terminal, without echo, or one line each
// from what is piped in.
type input struct {
	file     *os.File
	lines    *bufio.Reader
	messages io.Writer // questions go here
}

func newInput(file *os.File, messages io.Writer) *input {
	return &input{file: file, lines: bufio.NewReader(file), messages: messages}
}

// secret asks for one line. The end of the input is an empty line.
func (in *input) secret(question string) (string, error) {
	if fd := int(in.file.Fd()); term.IsTerminal(fd) {
		fmt.Fprint(in.messages, question)
		line, err := term.ReadPassword(fd)
		fmt.Fprintln(in.messages)
		if err != nil {
			return "", fmt.Errorf("read from the terminal: %w", err)
		}
		return string(line), nil
	}
	line, err := in.lines.ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
