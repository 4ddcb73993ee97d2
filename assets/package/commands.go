package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// command is one of the program's commands, as its help describes it.
type command struct {
	Name, Usage, Does string
	Options           []option
}

type option struct{ Name, Value, Does string }

// commandsOf asks the program for its commands and their options.
func commandsOf(binary string) ([]command, error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	help, err := exec.Command(path, "help").Output()
	if err != nil {
		return nil, fmt.Errorf("asking %s for its commands: %w", binary, err)
	}
	commands := parseCommands(help)
	if len(commands) == 0 {
		return nil, errors.New("the program's help lists no commands")
	}
	for i := range commands {
		c := &commands[i]
		if c.Name == "" || c.Name == "version" {
			continue
		}
		out, err := exec.Command(path, "help", c.Name).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("asking %s about %s: %w", binary, c.Name, err)
		}
		c.Options = parseOptions(out)
	}
	return commands, nil
}

// parseCommands reads "  burble NAME USAGE" lines, each followed by what the command does, indented further.
func parseCommands(help []byte) []command {
	var list []command
	lines := bufio.NewScanner(bytes.NewReader(help))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "  burble"):
			c := command{Usage: strings.TrimSpace(strings.TrimPrefix(line, "  burble"))}
			if !strings.HasPrefix(c.Usage, "[") {
				c.Name, c.Usage, _ = strings.Cut(c.Usage, " ")
			}
			list = append(list, c)
		case strings.HasPrefix(line, "        ") && len(list) > 0:
			list[len(list)-1].Does = strings.TrimSpace(line)
		}
	}
	return list
}

// parseOptions reads what package flag prints: "  -name VALUE", and a line that starts with a tab.
func parseOptions(help []byte) []option {
	var list []option
	lines := bufio.NewScanner(bytes.NewReader(help))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "  -"):
			line, does, _ := strings.Cut(strings.TrimPrefix(line, "  -"), "\t") // one-letter flags share the line
			name, value, _ := strings.Cut(line, " ")
			list = append(list, option{name, value, strings.TrimSpace(does)})
		case strings.Contains(line, "\t") && len(list) > 0:
			o := &list[len(list)-1]
			o.Does = strings.TrimSpace(o.Does + " " + strings.TrimSpace(line))
		}
	}
	return list
}
