"""Train on three outputs of Evenly's with TRL, two steps of a tiny model each; print what it learns of the first row.

Arguments: a tokenizer.json, then the folders of a text, a prompt-completion and a messages output. In an environment of
its own (`requirements/peers/trl.txt`); nothing is fetched.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

TURN = "<|start_header_id|>{{ m['role'] }}<|end_header_id|>"
TEMPLATE = (
    "{% for m in messages %}" + TURN + "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}<|eot_id|>"
    "{% endgeneration %}{% else %}{{ m['content'] }}<|eot_id|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>{% endif %}"
)
FORMATS = {
    "text": {"dataset_text_field": "text"},
    "prompt-completion": {"completion_only_loss": True},
    "messages": {"assistant_only_loss": True},
}


def main() -> None:
    """Train, and print a line of JSON."""
    file, *folders = sys.argv[1:]
    special = {"eos_token": "<|eot_id|>", "pad_token": "<|finetune_right_pad_id|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=file, **special)
    tokenizer.chat_template = TEMPLATE
    told = {}
    for (kind, options), folder in zip(FORMATS.items(), folders, strict=True):
        rows = datasets.load_dataset(folder)["train"].select(range(20))
        size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
        heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
        model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **size, **heads))
        with tempfile.TemporaryDirectory() as out:
            steps = {"max_steps": 2, "per_device_train_batch_size": 2, "report_to": [], "use_cpu": True, "bf16": False}
            config = SFTConfig(output_dir=out, **steps, **options)
            trainer = SFTTrainer(model, args=config, train_dataset=rows, processing_class=tokenizer)
            first = trainer.train_dataset[0]
            learned = [token for token in first.get("labels", first["input_ids"]) if token != -100]
            trainer.train()
            told[kind] = {"steps": trainer.state.global_step, "learned": tokenizer.decode(learned)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
