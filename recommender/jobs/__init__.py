"""What an operator or a data scientist runs: ingest, finetune, evaluate, promote, one function each, no printing."""
