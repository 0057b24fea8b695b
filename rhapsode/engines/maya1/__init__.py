"""Maya1: a Llama backbone that emits SNAC codec tokens, on two backends behind one frame decoder."""
