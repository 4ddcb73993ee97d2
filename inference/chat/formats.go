package chat

import (
	"slices"
	"strings"
)

// knownFormat is a way to write conversations that many models share. It serves where a model has no template, or
// one that fails.
type knownFormat struct {
	name, title string
	signs       []string // a template that contains all of these is taken for one of this format
	template    string   // takes a system message first, and user and assistant in turn after it
	noSystem    bool     // system messages are the user's
}

// turns makes a template from the texts around a message of each role. before begins the prompt, answer makes the
// model answer; roles holds the opening and closing texts for system, user and assistant.
func turns(before string, roles [3][2]string, answer string) string {
	var b strings.Builder
	b.WriteString("{{ " + before + " }}{% for m in messages %}{% set text = m.content | trim %}")
	for i, test := range []string{"if m.role == 'system'", "elif m.role == 'assistant'", "else"} {
		r := roles[[3]int{0, 2, 1}[i]]
		b.WriteString("{% " + test + " %}{{ " + r[0] + " ~ text ~ " + r[1] + " }}")
	}
	b.WriteString("{% endif %}{% endfor %}{% if add_generation_prompt %}{{ " + answer + " }}{% endif %}")
	return b.String()
}

// knownFormats lists the formats; where several fit a template, the first does. The texts are those of the models'
// own templates.
var knownFormats = []knownFormat{
	{"harmony", "gpt-oss (harmony)", []string{"<|start|>", "<|message|>"}, turns(`''`, [3][2]string{
		{`'<|start|>developer<|message|># Instructions\n\n'`, `'<|end|>'`},
		{`'<|start|>user<|message|>'`, `'<|end|>'`},
		{`'<|start|>assistant<|channel|>final<|message|>'`, `'<|end|>'`},
	}, `'<|start|>assistant'`), false},
	{"llama4", "Llama 4", []string{"<|header_start|>"}, turns(`bos_token`, [3][2]string{
		{`'<|header_start|>system<|header_end|>\n\n'`, `'<|eot|>'`},
		{`'<|header_start|>user<|header_end|>\n\n'`, `'<|eot|>'`},
		{`'<|header_start|>assistant<|header_end|>\n\n'`, `'<|eot|>'`},
	}, `'<|header_start|>assistant<|header_end|>\n\n'`), false},
	{"llama3", "Llama 3", []string{"<|start_header_id|>"}, turns(`bos_token`, [3][2]string{
		{`'<|start_header_id|>system<|end_header_id|>\n\n'`, `'<|eot_id|>'`},
		{`'<|start_header_id|>user<|end_header_id|>\n\n'`, `'<|eot_id|>'`},
		{`'<|start_header_id|>assistant<|end_header_id|>\n\n'`, `'<|eot_id|>'`},
	}, `'<|start_header_id|>assistant<|end_header_id|>\n\n'`), false},
	{"granite", "Granite", []string{"<|start_of_role|>"}, turns(`''`, [3][2]string{
		{`'<|start_of_role|>system<|end_of_role|>'`, `'<|end_of_text|>\n'`},
		{`'<|start_of_role|>user<|end_of_role|>'`, `'<|end_of_text|>\n'`},
		{`'<|start_of_role|>assistant<|end_of_role|>'`, `'<|end_of_text|>\n'`},
	}, `'<|start_of_role|>assistant<|end_of_role|>'`), false},
	{"gemma4", "Gemma 4", []string{"<|turn>"}, turns(`bos_token`, [3][2]string{
		{`'<|turn>system\n'`, `'<turn|>\n'`},
		{`'<|turn>user\n'`, `'<turn|>\n'`},
		{`'<|turn>model\n'`, `'<turn|>\n'`},
	}, `'<|turn>model\n'`), false},
	{"gemma", "Gemma", []string{"<start_of_turn>"}, turns(`bos_token`, [3][2]string{
		{`'<start_of_turn>user\n'`, `'<end_of_turn>\n'`},
		{`'<start_of_turn>user\n'`, `'<end_of_turn>\n'`},
		{`'<start_of_turn>model\n'`, `'<end_of_turn>\n'`},
	}, `'<start_of_turn>model\n'`), true},
	{"command-r", "Command R", []string{"<|START_OF_TURN_TOKEN|>"}, turns(`bos_token`, [3][2]string{
		{`'<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>'`, `'<|END_OF_TURN_TOKEN|>'`},
		{`'<|START_OF_TURN_TOKEN|><|USER_TOKEN|>'`, `'<|END_OF_TURN_TOKEN|>'`},
		{`'<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>'`, `'<|END_OF_TURN_TOKEN|>'`},
	}, `'<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>'`), false},
	{"deepseek", "DeepSeek", []string{"<｜Assistant｜>"}, turns(`bos_token`, [3][2]string{
		{`''`, `'\n\n'`},
		{`'<｜User｜>'`, `''`},
		{`'<｜Assistant｜>'`, `'<｜end▁of▁sentence｜>'`},
	}, `'<｜Assistant｜>'`), false},
	{"glm4", "GLM-4", []string{"[gMASK]"}, turns(`'[gMASK]<sop>'`, [3][2]string{
		{`'<|system|>\n'`, `''`},
		{`'<|user|>\n'`, `''`},
		{`'<|assistant|>\n'`, `''`},
	}, `'<|assistant|>\n'`), false},
	{"kimi", "Kimi", []string{"<|im_middle|>"}, turns(`''`, [3][2]string{
		{`'<|im_system|>system<|im_middle|>'`, `'<|im_end|>'`},
		{`'<|im_user|>user<|im_middle|>'`, `'<|im_end|>'`},
		{`'<|im_assistant|>assistant<|im_middle|>'`, `'<|im_end|>'`},
	}, `'<|im_assistant|>assistant<|im_middle|>'`), false},
	{"phi4", "Phi-4", []string{"<|im_sep|>"}, turns(`''`, [3][2]string{
		{`'<|im_start|>system<|im_sep|>'`, `'<|im_end|>'`},
		{`'<|im_start|>user<|im_sep|>'`, `'<|im_end|>'`},
		{`'<|im_start|>assistant<|im_sep|>'`, `'<|im_end|>'`},
	}, `'<|im_start|>assistant<|im_sep|>'`), false},
	{"chatml", "ChatML", []string{"<|im_start|>"}, turns(`''`, [3][2]string{
		{`'<|im_start|>system\n'`, `'<|im_end|>\n'`},
		{`'<|im_start|>user\n'`, `'<|im_end|>\n'`},
		{`'<|im_start|>assistant\n'`, `'<|im_end|>\n'`},
	}, `'<|im_start|>assistant\n'`), false},
	{"llama2", "Llama 2", []string{"[INST]", "<<SYS>>"}, turns(`''`, [3][2]string{
		{`bos_token ~ '[INST] <<SYS>>\n'`, `'\n<</SYS>>\n\n'`},
		{`('' if loop.previtem and loop.previtem.role == 'system' else bos_token ~ '[INST] ')`, `' [/INST]'`},
		{`' '`, `' ' ~ eos_token`},
	}, `''`), false},
	{"mistral-v7", "Mistral (since 2411)", []string{"[SYSTEM_PROMPT]"}, turns(`bos_token`, [3][2]string{
		{`'[SYSTEM_PROMPT]'`, `'[/SYSTEM_PROMPT]'`},
		{`'[INST]'`, `'[/INST]'`},
		{`''`, `eos_token`},
	}, `''`), false},
	{"mistral", "Mistral", []string{"[INST]"}, turns(`bos_token`, [3][2]string{
		{`'[INST] '`, `'\n\n'`},
		{`('' if loop.previtem and loop.previtem.role == 'system' else '[INST] ')`, `' [/INST]'`},
		{`' '`, `eos_token`},
	}, `''`), false},
	{"phi3", "Phi-3", []string{"<|end|>", "<|user|>"}, turns(`''`, [3][2]string{
		{`'<|system|>\n'`, `'<|end|>\n'`},
		{`'<|user|>\n'`, `'<|end|>\n'`},
		{`'<|assistant|>\n'`, `'<|end|>\n'`},
	}, `'<|assistant|>\n'`), false},
	{"exaone", "EXAONE", []string{"[|assistant|]"}, turns(`''`, [3][2]string{
		{`'[|system|]'`, `'[|endofturn|]\n'`},
		{`'[|user|]'`, `'\n'`},
		{`'[|assistant|]'`, `'[|endofturn|]\n'`},
	}, `'[|assistant|]'`), false},
	{"zephyr", "Zephyr", []string{"<|user|>"}, turns(`''`, [3][2]string{
		{`'<|system|>\n'`, `eos_token ~ '\n'`},
		{`'<|user|>\n'`, `eos_token ~ '\n'`},
		{`'<|assistant|>\n'`, `eos_token ~ '\n'`},
	}, `'<|assistant|>\n'`), false},
	{"seed", "Seed-OSS", []string{"<seed:"}, turns(`''`, [3][2]string{
		{`bos_token ~ 'system\n'`, `eos_token`},
		{`bos_token ~ 'user\n'`, `eos_token`},
		{`bos_token ~ 'assistant\n'`, `eos_token`},
	}, `bos_token ~ 'assistant\n'`), false},
	{"alpaca", "Alpaca", []string{"### Instruction"}, turns(`bos_token`, [3][2]string{
		{`''`, `'\n\n'`},
		{`'### Instruction:\n'`, `'\n\n'`},
		{`'### Response:\n'`, `eos_token ~ '\n\n'`},
	}, `'### Response:\n'`), false},
	{"vicuna", "Vicuna", []string{"USER", "ASSISTANT"}, turns(`bos_token`, [3][2]string{
		{`''`, `'\n\n'`},
		{`'USER: '`, `'\n'`},
		{`'ASSISTANT: '`, `eos_token ~ '\n'`},
	}, `'ASSISTANT:'`), false},
	{"deepseek-v2", "DeepSeek V2", []string{"User: ", "Assistant:"}, turns(`bos_token`, [3][2]string{
		{`''`, `'\n\n'`},
		{`'User: '`, `'\n\n'`},
		{`'Assistant: '`, `eos_token`},
	}, `'Assistant:'`), false},
}

func formatNamed(name string) *knownFormat {
	i := slices.IndexFunc(knownFormats, func(f knownFormat) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &knownFormats[i]
}

func formatNames() string {
	names := make([]string, len(knownFormats))
	for i, f := range knownFormats {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

// detectFormat is the known format that a template looks most like; ChatML where it looks like none.
func detectFormat(source string) *knownFormat {
next:
	for i := range knownFormats {
		for _, sign := range knownFormats[i].signs {
			if !strings.Contains(source, sign) {
				continue next
			}
		}
		return &knownFormats[i]
	}
	return formatNamed("chatml")
}
