"""What an operator or a data scientist runs: ingest, finetune, evaluate, promote. Each module is a job; none prints."""
