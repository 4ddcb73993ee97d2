"""Makes the goldens: tiny random models in F32 GGUF, with the logits that transformers computes for them.

    python3 generate.py --llama.cpp DIR --out goldens [NAME...]

DIR is a checkout of llama.cpp, whose convert_hf_to_gguf.py makes the files that people download; only that tells
how a family's tensors are named, permuted and merged. transformers, in float32 on the CPU, is the truth of the numbers.
Each folder NAME gets model.gguf, tokens.json (40 ids), logits.f32 (40 × vocabulary, float32) and config.json.
"""

import argparse
import json
import multiprocessing
import pathlib
import shutil
import sys
import tempfile
import traceback

TOKENS = 40

# What most families share. A head is hidden_size / num_attention_heads = 8 wide unless an entry says otherwise.
BASE = dict(
    vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, tie_word_embeddings=False,
    bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
MOE = dict(num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16)
LOCAL_MOE = dict(num_local_experts=6, num_experts_per_tok=2)
MLA = dict(num_key_value_heads=4, q_lora_rank=24, kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=12, head_dim=8)
DEEPSEEK_MOE = dict(n_routed_experts=8, num_experts_per_tok=3, moe_intermediate_size=16, n_shared_experts=1, first_k_dense_replace=1)
GRANITE = dict(embedding_multiplier=6.0, logits_scaling=2.0, residual_multiplier=0.4, attention_multiplier=0.2)
DELTA = dict(linear_conv_kernel_dim=4, linear_key_head_dim=16, linear_value_head_dim=16, linear_num_key_heads=2,
             linear_num_value_heads=4, num_hidden_layers=4, head_dim=16)

MAMBA2 = dict(mamba_n_heads=4, mamba_d_head=16, mamba_n_groups=1, mamba_d_state=16, mamba_d_conv=4, mamba_expand=2, mamba_chunk_size=16)
MAMBA_LAYERS = dict(layer_types=["mamba", "attention", "mamba"])  # as published; transformers has renamed the kinds since
NEMOTRON_H = dict(head_dim=16, time_step_min=1e-12, num_hidden_layers=4, mamba_num_heads=4, mamba_head_dim=16, n_groups=2, ssm_state_size=16, conv_kernel=4, chunk_size=16, layer_norm_epsilon=1e-5, mlp_hidden_act="relu2")


def rope(theta=10000.0, kind="default", **kw):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **kw}}


# name: (class in transformers, what its configuration has beyond BASE[, what the converter must see instead; None removes
# [, the architecture to write, for those that have no class in transformers but another's network]])
MODELS = {
    # dense
    "llama_linear": ("Llama", rope(kind="linear", factor=4.0)),
    "llama_yarn": ("Llama", rope(kind="yarn", factor=4.0, original_max_position_embeddings=128)),
    "llama_bias": ("Llama", dict(attention_bias=True, mlp_bias=False, head_dim=16)),
    "llama_mlp_bias": ("Llama", dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
    "llama3": ("Llama", rope(500000.0, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)),
    "ministral3": ("Ministral3", dict(head_dim=16, **rope(1000000.0, "yarn", factor=16.0, original_max_position_embeddings=16, beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1))),
    "ministral3_mscale": ("Ministral3", dict(head_dim=8, tie_word_embeddings=True, **rope(10000.0, "yarn", factor=4.0, original_max_position_embeddings=64, beta_fast=4.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=0.5, llama_4_scaling_beta=0.2))),
    "qwen2_tied": ("Qwen2", dict(tie_word_embeddings=True)),
    "qwen3_tied": ("Qwen3", dict(tie_word_embeddings=True, head_dim=16)),
    "qwen3_yarn": ("Qwen3", dict(head_dim=16, **rope(1000000.0, "yarn", factor=4.0, original_max_position_embeddings=128))),
    "gemma": ("Gemma", dict(tie_word_embeddings=True, head_dim=16, hidden_activation="gelu_pytorch_tanh")),
    "gemma2": ("Gemma2", dict(tie_word_embeddings=True, head_dim=16, sliding_window=16, query_pre_attn_scalar=16, num_hidden_layers=3)),
    "phi3_longrope": ("Phi3", dict(original_max_position_embeddings=64, max_position_embeddings=512, sliding_window=None, **rope(kind="longrope", short_factor=[1.0, 1.1, 1.3, 2.1], long_factor=[1.0, 1.5, 3.0, 8.0], original_max_position_embeddings=64))),
    "phi3_partial": ("Phi3", dict(tie_word_embeddings=True, sliding_window=16, **rope(kind="default", partial_rotary_factor=0.75))),
    "smollm3_tied": ("SmolLM3", dict(tie_word_embeddings=True, num_hidden_layers=4, **rope(5000000.0))),
    "olmo": ("Olmo", dict()),
    "olmo_clip": ("Olmo", dict(clip_qkv=0.8)),
    "olmo2": ("Olmo2", dict()),
    "olmo3": ("Olmo3", dict(num_hidden_layers=4, sliding_window=16)),
    "olmo3_yarn": ("Olmo3", dict(num_hidden_layers=4, sliding_window=16, rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 500000.0}, "full_attention": {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 8.0, "original_max_position_embeddings": 64, "beta_fast": 32.0, "beta_slow": 1.0, "attention_factor": 1.2079441541679836}})),
    "cohere": ("Cohere", dict(logit_scale=0.25, tie_word_embeddings=True)),
    "cohere_qk_norm": ("Cohere", dict(logit_scale=0.25, use_qk_norm=True, tie_word_embeddings=True)),
    "cohere_bias": ("Cohere", dict(logit_scale=0.5, attention_bias=True, layer_norm_eps=1e-3, tie_word_embeddings=True)),
    "cohere2": ("Cohere2", dict(logit_scale=0.25, rotary_pct=1.0, num_hidden_layers=4, sliding_window=16, tie_word_embeddings=True)),
    "cohere2_moe": ("Cohere2Moe", dict(MOE, logit_scale=0.25, head_dim=8, intermediate_size=16, prefix_dense_intermediate_size=48, num_shared_experts=1, expert_selection_fn="sigmoid", norm_topk_prob=True, first_k_dense_replace=1, num_hidden_layers=5, sliding_window=16, tie_word_embeddings=True, rms_norm_eps=None)),
    "starcoder2": ("Starcoder2", dict(use_bias=True, sliding_window=None, tie_word_embeddings=True, norm_epsilon=1e-5)),
    "starcoder2_plain": ("Starcoder2", dict(use_bias=False, sliding_window=None, tie_word_embeddings=False, norm_epsilon=1e-5, num_key_value_heads=4)),
    "stablelm": ("StableLm", dict(use_qkv_bias=True, partial_rotary_factor=0.25, **rope(partial_rotary_factor=0.25))),
    "stablelm_parallel": ("StableLm", dict(use_parallel_residual=True, **rope(partial_rotary_factor=0.25))),
    "nemotron": ("Nemotron", dict(hidden_act="relu2", norm_eps=1e-5, partial_rotary_factor=0.5, **rope(partial_rotary_factor=0.5))),
    "nemotron_bias": ("Nemotron", dict(hidden_act="relu2", norm_eps=1e-5, attention_bias=True, mlp_bias=True, head_dim=8, **rope(partial_rotary_factor=0.5))),
    "hunyuan_v1_dense": ("HunYuanDenseV1", dict(head_dim=16, max_position_embeddings=32768, tie_word_embeddings=True, **rope(kind="dynamic", alpha=1000.0, factor=1.0))),
    "hunyuan_v1_moe": ("HunYuanMoEV1", dict(head_dim=16, intermediate_size=16, num_experts=6, moe_topk=2, moe_intermediate_size=[16, 16], num_shared_expert=[1, 1], tie_word_embeddings=True), dict(moe_topk=[2, 2])),
    "seed_oss": ("SeedOss", dict(head_dim=16, attention_bias=True, attention_out_bias=False)),
    "seed_oss_out_bias": ("SeedOss", dict(head_dim=8, attention_bias=True, attention_out_bias=True, tie_word_embeddings=True)),
    "arcee": ("Arcee", dict(head_dim=16, hidden_act="relu2")),
    "arcee_yarn": ("Arcee", dict(head_dim=16, hidden_act="relu2", **rope(kind="yarn", factor=8.0, original_max_position_embeddings=64, beta_fast=32.0, beta_slow=1.0))),
    "exaone4": ("Exaone4", dict(num_hidden_layers=4, sliding_window=16, sliding_window_pattern=4)),
    "exaone4_full": ("Exaone4", dict(sliding_window=None, sliding_window_pattern=None, layer_types=["full_attention"] * 2, tie_word_embeddings=True, **rope(1000000.0, "llama3", factor=16.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64))),
    "ernie4_5": ("Ernie4_5", dict(head_dim=16, use_bias=False, tie_word_embeddings=True)),
    "ernie4_5_bias": ("Ernie4_5", dict(head_dim=16, use_bias=True)),
    "glm": ("Glm", dict(head_dim=8, attention_bias=True, **rope(partial_rotary_factor=0.5)), dict(seq_length=512)),
    "glm4_tied": ("Glm4", dict(head_dim=16, attention_bias=True, tie_word_embeddings=True, **rope(partial_rotary_factor=0.5))),
    "granite_tied": ("Granite", dict(tie_word_embeddings=True, **GRANITE)),
    "granite_bias": ("Granite", dict(attention_bias=True, mlp_bias=True, **GRANITE)),
    "phi": ("Phi", dict(num_key_value_heads=4, intermediate_size=128, **rope(partial_rotary_factor=0.5))),
    "gpt_neox": ("GPTNeoX", rope(partial_rotary_factor=0.25), dict(rotary_pct=0.25)),
    # mixtures of experts
    "qwen2_moe": ("Qwen2Moe", dict(shared_expert_intermediate_size=32, norm_topk_prob=False, decoder_sparse_step=1, **MOE)),
    "mixtral": ("Mixtral", dict(LOCAL_MOE, intermediate_size=16)),
    "olmoe": ("Olmoe", dict(num_experts=6, num_experts_per_tok=2, intermediate_size=16, norm_topk_prob=False)),
    "granitemoe": ("GraniteMoe", dict(LOCAL_MOE, intermediate_size=16, **GRANITE)),
    "granitemoeshared": ("GraniteMoeShared", dict(LOCAL_MOE, intermediate_size=16, shared_intermediate_size=48, **GRANITE)),
    "granite_swa": ("GraniteSWA", dict(GRANITE, sliding_window=16, num_hidden_layers=4, layer_rope_theta=[0, 10000.0, 10000.0, 10000.0]), dict(no_rope_layers=[0, 1, 1, 1])),
    "granitemoe_swa": ("GraniteMoeSWA", dict(GRANITE | LOCAL_MOE, intermediate_size=16, shared_intermediate_size=24, sliding_window=16, num_hidden_layers=4)),
    "glm4_moe": ("Glm4Moe", dict(DEEPSEEK_MOE, head_dim=16, num_hidden_layers=3, use_qk_norm=True, attention_bias=True, norm_topk_prob=True, routed_scaling_factor=1.5, n_group=1, topk_group=1, partial_rotary_factor=0.5, **rope(partial_rotary_factor=0.5))),
    "glm4_moe_plain": ("Glm4Moe", dict(DEEPSEEK_MOE, head_dim=16, use_qk_norm=False, attention_bias=False, norm_topk_prob=False, routed_scaling_factor=1.0, n_group=1, topk_group=1, partial_rotary_factor=0.5, **rope(partial_rotary_factor=0.5))),
    "glm4_moe_groups": ("Glm4Moe", dict(DEEPSEEK_MOE | dict(n_shared_experts=2), head_dim=16, use_qk_norm=True, attention_bias=True, norm_topk_prob=True, routed_scaling_factor=2.0, n_group=2, topk_group=1, **rope(partial_rotary_factor=0.5))),
    "ernie4_5_moe": ("Ernie4_5_Moe", dict(moe_num_experts=6, moe_k=2, moe_intermediate_size=16, moe_num_shared_experts=1, moe_layer_start_index=1, moe_layer_interval=1, use_bias=False)),
    "ernie4_5_moe_plain": ("Ernie4_5_Moe", dict(moe_num_experts=6, moe_k=2, moe_intermediate_size=16, moe_num_shared_experts=0, moe_layer_start_index=0, moe_layer_interval=2, num_hidden_layers=4, tie_word_embeddings=True)),
    "minimax_m2": ("MiniMaxM2", dict(LOCAL_MOE, head_dim=16, intermediate_size=16, rotary_dim=8, partial_rotary_factor=0.5, **rope(5000000.0, partial_rotary_factor=0.5))),
    "minimax_m2_full": ("MiniMaxM2", dict(LOCAL_MOE, head_dim=8, intermediate_size=16, rotary_dim=8, tie_word_embeddings=True, **rope(10000.0))),
    "gpt_oss_plain": ("GptOss", dict(LOCAL_MOE, head_dim=16, intermediate_size=16, sliding_window=16)),
    "gpt_oss_default_rope": ("GptOss", dict(LOCAL_MOE, head_dim=16, intermediate_size=16, sliding_window=8, attention_bias=False, num_hidden_layers=3, **rope(150000.0))),
    "dots1": ("Dots1", dict(DEEPSEEK_MOE, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5)),
    "exaone_moe": ("ExaoneMoe", dict(MOE, head_dim=16, num_hidden_layers=4, num_shared_experts=1, first_k_dense_replace=1, sliding_window=16, sliding_window_pattern=4, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5)),
    "solar_open": ("SolarOpen", dict(DEEPSEEK_MOE, head_dim=16, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=1.0)),
    "afmoe": ("Afmoe", dict(MOE, mup_enabled=True, head_dim=16, num_hidden_layers=4, intermediate_size=64, num_shared_experts=1, num_dense_layers=1, sliding_window=16, global_attn_every_n_layers=4)),
    # other architectures' twins
    "deci": ("Llama", rope(500000.0, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64), {}, "DECI"),
    "internlm2": ("Llama", dict(), {}, "INTERNLM2"),
    "exaone": ("SeedOss", dict(head_dim=8, attention_bias=False, attention_out_bias=False), {}, "EXAONE"),
    "minicpm": ("Granite", dict(GRANITE | dict(attention_multiplier=8**-0.5)), {}, "MINICPM"),
    "bailingmoe2": ("Dots1", dict(DEEPSEEK_MOE, n_group=2, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5), {}, "BAILINGMOE2"),
    "hy_v3": ("Dots1", dict(DEEPSEEK_MOE, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=1.5), {}, "HY_V3"),
    "qwen2vl": ("Qwen2", dict(), {}, "QWEN2VL"),
    "qwen3vl": ("Qwen3", dict(head_dim=16), {}, "QWEN3VL"),
    "mellum": ("Qwen3Moe", dict(MOE, head_dim=16, norm_topk_prob=True), {}, "MELLUM"),
    "qwen3vlmoe": ("Qwen3Moe", dict(MOE, head_dim=16, norm_topk_prob=True), {}, "QWEN3VLMOE"),
    # latent attention
    "deepseek_v2": ("DeepseekV2", dict(MLA, num_hidden_layers=2, topk_method="greedy", norm_topk_prob=False, routed_scaling_factor=1.0, n_group=1, topk_group=1, **DEEPSEEK_MOE)),
    "deepseek_v2_lite": ("DeepseekV2", dict(MLA | dict(q_lora_rank=None), topk_method="greedy", norm_topk_prob=False, routed_scaling_factor=1.0, n_group=1, topk_group=1, **DEEPSEEK_MOE)),
    "deepseek_v2_groups": ("DeepseekV2", dict(MLA, topk_method="group_limited_greedy", norm_topk_prob=False, routed_scaling_factor=4.0, n_group=4, topk_group=2, **DEEPSEEK_MOE)),
    "deepseek_v2_yarn": ("DeepseekV2", dict(MLA, topk_method="greedy", norm_topk_prob=False, routed_scaling_factor=1.0, n_group=1, topk_group=1, **DEEPSEEK_MOE, **rope(kind="yarn", factor=8.0, original_max_position_embeddings=64, beta_fast=32, beta_slow=1, mscale=0.707, mscale_all_dim=0.707))),
    "deepseek_v3": ("DeepseekV3", dict(MLA, norm_topk_prob=True, routed_scaling_factor=2.5, n_group=4, topk_group=2, **DEEPSEEK_MOE)),
    "deepseek_v3_yarn": ("DeepseekV3", dict(MLA, norm_topk_prob=True, routed_scaling_factor=2.5, n_group=4, topk_group=2, **DEEPSEEK_MOE, **rope(kind="yarn", factor=8.0, original_max_position_embeddings=64, beta_fast=32, beta_slow=1, mscale=1.0, mscale_all_dim=1.0))),
    "moonlight": ("DeepseekV3", dict(MLA | dict(q_lora_rank=None), norm_topk_prob=True, routed_scaling_factor=2.446, n_group=1, topk_group=1, **DEEPSEEK_MOE)),
    "glm4_moe_lite": ("Glm4MoeLite", dict(MLA, norm_topk_prob=True, routed_scaling_factor=1.8, n_group=1, topk_group=1, mlp_layer_types=["dense", "sparse"], **DEEPSEEK_MOE)),
    # recurrent and hybrid
    "qwen3_next": ("Qwen3Next", dict(DELTA | MOE, shared_expert_intermediate_size=32, norm_topk_prob=True, decoder_sparse_step=1, **rope(partial_rotary_factor=0.25), partial_rotary_factor=0.25)),
    "qwen3_5_tied": ("Qwen3_5", dict(DELTA, tie_word_embeddings=True, **rope(1000000.0, partial_rotary_factor=0.5, mrope_section=[2, 1, 1], mrope_interleaved=True))),
    "qwen3_5_equal": ("Qwen3_5", dict(DELTA | dict(linear_num_value_heads=2), **rope(1000000.0, partial_rotary_factor=0.5, mrope_section=[2, 1, 1], mrope_interleaved=True))),
    "qwen3_5_moe": ("Qwen3_5Moe", dict(DELTA | MOE, shared_expert_intermediate_size=32, **rope(1000000.0, partial_rotary_factor=0.5, mrope_section=[2, 1, 1], mrope_interleaved=True))),
    "lfm2_tied": ("Lfm2", dict(block_auto_adjust_ff_dim=False, block_ff_dim=96, num_hidden_layers=3, tie_word_embeddings=True, conv_L_cache=3, layer_types=["conv", "full_attention", "conv"])),
    "lfm2_adjusted": ("Lfm2", dict(block_auto_adjust_ff_dim=True, block_multiple_of=32, intermediate_size=144, block_ffn_dim_multiplier=1.0, num_hidden_layers=2, conv_L_cache=4, layer_types=["conv", "full_attention"])),
    "lfm2_moe": ("Lfm2Moe", dict(MOE, intermediate_size=64, num_dense_layers=1, num_hidden_layers=4, conv_L_cache=3, use_expert_bias=True, norm_topk_prob=True, routed_scaling_factor=1.0, layer_types=["conv", "conv", "full_attention", "conv"], tie_word_embeddings=True)),
    "granite_hybrid": ("GraniteMoeHybrid", dict(GRANITE | MAMBA2, num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=64, num_hidden_layers=3, layer_types=["mamba", "attention", "mamba"], position_embedding_type="nope"), MAMBA_LAYERS),
    "granite_hybrid_moe": ("GraniteMoeHybrid", dict(GRANITE | LOCAL_MOE | MAMBA2, intermediate_size=16, shared_intermediate_size=32, num_hidden_layers=3, layer_types=["mamba", "attention", "mamba"], position_embedding_type="nope", tie_word_embeddings=True), MAMBA_LAYERS),
    "granite4": ("GraniteMoeHybrid", dict(GRANITE | MAMBA2, num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=48, layer_types=["attention"] * 2, position_embedding_type="rope"), dict(layer_types=["attention"] * 2)),
    "granite4_moe": ("GraniteMoeHybrid", dict(GRANITE | LOCAL_MOE | MAMBA2, intermediate_size=16, shared_intermediate_size=32, layer_types=["attention"] * 2, position_embedding_type="rope", tie_word_embeddings=True), dict(layer_types=["attention"] * 2)),
    "falcon_h1": ("FalconH1", dict(head_dim=16, mamba_d_ssm=48, mamba_n_heads=3, mamba_d_head=16, mamba_n_groups=1, mamba_d_state=16, mamba_d_conv=4, mamba_expand=2, mamba_chunk_size=16, mamba_rms_norm=False, mamba_norm_before_gate=True, attention_in_multiplier=0.8, attention_out_multiplier=0.9, ssm_in_multiplier=1.2, ssm_out_multiplier=0.7, embedding_multiplier=3.0, lm_head_multiplier=0.5, key_multiplier=0.6, mlp_multipliers=[0.9, 0.7], ssm_multipliers=[0.35, 0.25, 0.18, 0.5, 0.35])),
    "falcon_h1_norm": ("FalconH1", dict(head_dim=16, mamba_d_ssm=64, mamba_n_heads=4, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=16, mamba_d_conv=4, mamba_expand=2, mamba_chunk_size=16, mamba_rms_norm=True, mamba_norm_before_gate=False, tie_word_embeddings=True)),
    "mamba": ("Mamba", dict(intermediate_size=64, state_size=16, conv_kernel=4, expand=2, time_step_rank=4, layer_norm_epsilon=1e-5)),
    "falcon_mamba": ("FalconMamba", dict(intermediate_size=64, state_size=16, conv_kernel=4, expand=2, time_step_rank=4, layer_norm_epsilon=1e-5, tie_word_embeddings=True)),
    "mamba2": ("Mamba2", dict(intermediate_size=64, num_heads=4, head_dim=16, state_size=16, expand=2, n_groups=1, conv_kernel=4, chunk_size=16, layer_norm_epsilon=1e-5)),
    "mamba2_tied": ("Mamba2", dict(intermediate_size=64, num_heads=4, head_dim=16, state_size=16, expand=2, n_groups=1, conv_kernel=4, chunk_size=16, layer_norm_epsilon=1e-5, tie_word_embeddings=True)),
    "nemotron_h": ("NemotronH", dict(NEMOTRON_H, layers_block_type=["linear_attention", "mlp", "full_attention", "mlp"]), dict(num_hidden_layers=4, hybrid_override_pattern="M-*-", layers_block_type=None, num_experts_per_tok=None)),
    "nemotron_h_moe": ("NemotronH", dict(NEMOTRON_H, layers_block_type=["linear_attention", "moe", "full_attention", "moe"], n_routed_experts=6, num_experts_per_tok=2, n_shared_experts=1, moe_intermediate_size=16, moe_shared_expert_intermediate_size=32, routed_scaling_factor=2.5), dict(num_hidden_layers=4, hybrid_override_pattern="ME*E", layers_block_type=None)),
    "jamba": ("Jamba", dict(num_hidden_layers=2, attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1, num_experts=4, num_experts_per_tok=2, mamba_d_state=8, mamba_d_conv=4, mamba_expand=2, mamba_dt_rank=4, use_mamba_kernels=False)),
    # Gemma 3 and 4
    "gemma3_tied": ("Gemma3", dict(head_dim=16, tie_word_embeddings=True, sliding_window=16, num_hidden_layers=6, intermediate_size=48, query_pre_attn_scalar=16)),
    "gemma3_linear": ("Gemma3", dict(head_dim=16, tie_word_embeddings=True, sliding_window=16, num_hidden_layers=6, query_pre_attn_scalar=16, rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}, "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}})),
    "gemma4_plain": ("Gemma4", dict(head_dim=16, global_head_dim=32, tie_word_embeddings=True, sliding_window=16, num_hidden_layers=6, intermediate_size=48, hidden_size_per_layer_input=0, num_kv_shared_layers=0, attention_k_eq_v=True, num_global_key_value_heads=1, final_logit_softcapping=30.0)),
    "gemma4_wide": ("Gemma4", dict(head_dim=16, global_head_dim=32, tie_word_embeddings=True, sliding_window=16, num_hidden_layers=6, intermediate_size=32, hidden_size_per_layer_input=16, vocab_size_per_layer_input=64, num_kv_shared_layers=3, use_double_wide_mlp=True, layer_types=["sliding_attention", "sliding_attention", "full_attention"] * 2)),
    "gemma4_moe": ("Gemma4", dict(head_dim=16, global_head_dim=32, tie_word_embeddings=True, sliding_window=16, num_hidden_layers=3, intermediate_size=48, hidden_size_per_layer_input=0, num_kv_shared_layers=0, enable_moe_block=True, num_experts=6, top_k_experts=2, moe_intermediate_size=32, attention_k_eq_v=True, num_global_key_value_heads=1, layer_types=["sliding_attention", "sliding_attention", "full_attention"])),
    "mistral4": ("Mistral4", dict(MLA | dict(head_dim=24), n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=1.0, **DEEPSEEK_MOE), dict(architectures=["Ministral3ForCausalLM"])),
}

# Configurations whose class is not the model's name with "Config".
CONFIGS = {"Qwen3_5": "Qwen3_5TextConfig", "Qwen3_5Moe": "Qwen3_5MoeTextConfig", "Gemma3": "Gemma3TextConfig", "Gemma4": "Gemma4TextConfig"}


def randomise(model, seed):
    """Draws all weights: matrices so that activations keep their size, the rest around their initial values."""
    import torch
    g = torch.Generator().manual_seed(seed)
    noise = lambda t: torch.randn(t.shape, generator=g, dtype=torch.float32)
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() < 2 or name.endswith("A_log"):
                p.copy_(p + 0.2 * noise(p))
            elif id(p) in embeddings:
                p.copy_(0.5 * noise(p))
            else:
                p.copy_(1.2 / p.shape[-1] ** 0.5 * noise(p))
        for name, b in model.named_buffers():
            if name.endswith(("e_score_correction_bias", "expert_bias", "layer_scalar")):
                b.copy_(b + 0.2 * noise(b))


def convert(folder, out, path, changes, twin):
    """Runs llama.cpp's converter on the checkpoint in folder, without a vocabulary."""
    for p in (path, path / "gguf-py"):
        if str(p) not in sys.path:
            sys.path.insert(0, str(p))
    import gguf
    import torch
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class

    load = ModelBase.load_hparams

    def load_changed(*args, **kw):
        hparams = load(*args, **kw)
        for key, value in changes.items():
            hparams[key] = value
            if value is None:
                hparams.pop(key)
        return hparams

    ModelBase.load_hparams = staticmethod(load_changed)
    hparams = ModelBase.load_hparams(folder, False)
    cls = get_model_class(get_model_architecture(hparams, ModelType.TEXT))

    own = cls.model_arch
    if twin:
        cls = type("Twin", (cls,), {"model_arch": getattr(gguf.MODEL_ARCH, twin)})

    def no_vocabulary(self):
        self.gguf_writer.add_tokenizer_model("no_vocab")
        key = f"{self.gguf_writer.arch}.vocab_size"
        if not any(key in part for part in self.gguf_writer.kv_data):
            self.gguf_writer.add_vocab_size(self.hparams["vocab_size"])

    def subclasses(c):
        return {c}.union(*map(subclasses, c.__subclasses__()))

    for c in subclasses(ModelBase):
        c.set_vocab = no_vocabulary
    cls.no_mtp = True  # there are no layers for multi-token prediction
    with torch.inference_mode():
        model = cls(folder, gguf.LlamaFileType.ALL_F32, out, eager=True, model_name="golden")
        if twin:
            model.tensor_map = gguf.get_tensor_name_map(own, model.block_count)
        model.write()


def generate(name, out, path):
    import torch
    import transformers

    torch.set_num_threads(1)
    family, extra, changes, twin = (*MODELS[name], {}, None)[:4]
    seed = sum(ord(c) * 31**i for i, c in enumerate(name)) % 2**31
    config = getattr(transformers, CONFIGS.get(family, family + "Config"))(**{**BASE, **extra})
    config._attn_implementation = "eager"
    config.dtype = torch.float32
    torch.manual_seed(seed)
    model = getattr(transformers, family + "ForCausalLM")(config).float().eval()
    randomise(model, seed)
    tokens = torch.randint(3, config.vocab_size, (1, TOKENS), generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        logits = model(tokens, use_cache=False).logits[0].float()
    if not torch.isfinite(logits).all():
        raise ValueError("logits are not finite")
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as tmp:
        hf = pathlib.Path(tmp) / "golden"
        model.save_pretrained(hf)
        vocabulary = {"model": {"vocab": {f"t{i}": i for i in range(config.vocab_size)}}, "added_tokens": []}
        if family.startswith(("Gemma3", "Gemma4")):
            (hf / "tokenizer.json").write_text(json.dumps(vocabulary))  # they cut the embedding to it
        shutil.copy(hf / "config.json", folder)
        published = json.loads((hf / "config.json").read_text()) | changes  # some conversions read the file itself
        (hf / "config.json").write_text(json.dumps({k: v for k, v in published.items() if v is not None}))
        convert(hf, folder / "model.gguf", path, changes, twin)
    (folder / "tokens.json").write_text(json.dumps(tokens[0].tolist()) + "\n")
    (folder / "logits.f32").write_bytes(logits.contiguous().numpy().astype("<f4").tobytes())
    size = (folder / "model.gguf").stat().st_size
    return f"{size // 1024} KiB, logits' standard deviation {logits.std():.3f}"


def attempt(job):
    name, out, path = job
    try:
        return name, True, generate(name, out, path)
    except Exception:
        shutil.rmtree(out / name, ignore_errors=True)
        return name, False, traceback.format_exc()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama.cpp", dest="path", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()

    import torch  # before forking, so that it is read once
    import transformers
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    jobs = [(name, args.out, args.path.resolve()) for name in (args.names or MODELS)]
    failed = 0
    with multiprocessing.get_context("fork").Pool(args.jobs, maxtasksperchild=1) as pool:
        for name, ok, text in pool.imap(attempt, jobs):
            failed += not ok
            print(f"{'ok  ' if ok else 'FAIL'} {name}: {text.strip()}", flush=True)
    print(f"{len(jobs) - failed} of {len(jobs)} with transformers {transformers.__version__}, torch {torch.__version__}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
