# Completes burble's commands and options, and model files.
_burble() {
	local word=${COMP_WORDS[COMP_CWORD]} options
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "help{{range .Commands}}{{if .Name}} {{.Name}}{{end}}{{end}}" -- "$word"))
	else
		case ${COMP_WORDS[1]} in{{range .Commands}}{{if .Options}}
		{{.Name}}) options="{{range .Options}}-{{.Name}} {{end}}" ;;{{end}}{{end}}
		esac
		[[ $word == -* ]] && COMPREPLY=($(compgen -W "$options" -- "$word"))
	fi
	if [ ${#COMPREPLY[@]} -eq 0 ]; then
		local IFS=$'\n'
		COMPREPLY=($(compgen -f -X '!*.gguf' -- "$word") $(compgen -d -S / -- "$word"))
		compopt -o nospace 2>/dev/null
	fi
}
complete -o filenames -F _burble burble
