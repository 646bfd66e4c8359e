"""What an operator or a data scientist runs: ingest, finetune, evaluate, promote. One module a job; none prints."""
