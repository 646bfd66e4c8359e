"""What an operator or a data scientist runs: ingest, finetune, evaluate, promote, one module a job, no printing."""
