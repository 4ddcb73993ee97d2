package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"burble/app"
)

// runExport writes chats to a file or to standard output, or lists them.
func runExport(ctx context.Context, s streams, c command, args []string) (err error) {
	fs := c.flags(s)
	format := fs.String("format", "", "`FORMAT`: json (Burble imports it again), markdown or sharegpt; without it, by the file's ending, else json")
	chatID := fs.Int64("chat", 0, "export the chat with this `ID` alone; --list shows them")
	folder := fs.String("folder", "", "export the chats of the folder of this `NAME` alone")
	list := fs.Bool("list", false, "list the chats instead")
	out := fs.String("o", "-", "write to `FILE`; -: to standard output")
	if err := parse(fs, args); err != nil {
		return err
	}
	f, err := exportFormat(*format, *out)
	if err != nil {
		return err
	}
	if *chatID != 0 && *folder != "" {
		return usageError("--chat and --folder exclude each other")
	}
	chats, done, err := app.OpenChats(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if *list {
		return listChats(s.out, chats)
	}
	selection := app.Selection{Chat: *chatID}
	if *folder != "" {
		if selection.Folder, err = folderID(chats, *folder); err != nil {
			return err
		}
	}
	if *out == "-" {
		_, err = chats.Export(ctx, s.out, f, selection)
		return err
	}
	n, err := chats.ExportFile(ctx, *out, f, selection)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "%s written to %s\n", counted(n, "chat"), *out)
	return nil
}

// exportFormat is the format of a name, or that of a file's ending.
func exportFormat(name, file string) (app.ExportFormat, error) {
	for _, f := range app.ExportFormats() {
		if string(f) == name || name == "" && strings.HasSuffix(strings.ToLower(file), f.Extension()) {
			return f, nil
		}
	}
	if name != "" {
		return "", usageError(fmt.Sprintf("there is no format %q: choose json, markdown or sharegpt", name))
	}
	return app.ExportJSON, nil
}

func folderID(chats *app.Chats, name string) (int64, error) {
	folders, err := chats.Folders()
	if err != nil {
		return 0, err
	}
	for _, f := range folders {
		if strings.EqualFold(f.Name, name) {
			return f.ID, nil
		}
	}
	return 0, fmt.Errorf("there is no folder %q", name)
}

// listChats prints a line for each chat.
func listChats(w io.Writer, chats *app.Chats) error {
	list, err := chats.List()
	if err != nil {
		return err
	}
	archived, err := chats.Archived()
	if err != nil {
		return err
	}
	folders, err := chats.Folders()
	if err != nil {
		return err
	}
	names := map[int64]string{}
	for _, f := range folders {
		names[f.ID] = f.Name
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tLAST\tFOLDER\tTITLE")
	for _, c := range append(list, archived...) {
		title := c.Title
		if c.Archived {
			title += " (archived)"
		}
		fmt.Fprintln(t, strings.Join([]string{strconv.FormatInt(c.ID, 10), c.Updated.Format("2006-01-02 15:04"), names[c.Folder], title}, "\t"))
	}
	return t.Flush()
}

// runImport imports the chats of files, each of them whole or not at all.
func runImport(ctx context.Context, s streams, c command, args []string) (err error) {
	fs := c.flags(s)
	var files []string
	usage := fs.Usage
	fs.Usage = func() {}
	fs.SetOutput(io.Discard)
	err = fs.Parse(args)
	fs.Usage = usage
	fs.SetOutput(s.out)
	if err != nil {
		return parse(fs, args) // which says what is wrong
	}
	if files = fs.Args(); len(files) == 0 {
		return usageError("no file is named; see burble import -h")
	}
	chats, done, err := app.OpenChats(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	for _, file := range files {
		got, err := chats.Import(ctx, file, nil)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s: %s with %s from %s", file, counted(len(got.Chats), "chat"), counted(got.Messages, "message"), strings.Join(got.From, ", "))
		if got.Left > 0 {
			text += fmt.Sprintf("; %s left out that are no text", counted(got.Left, "part"))
		}
		fmt.Fprintln(s.out, text)
	}
	return nil
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
