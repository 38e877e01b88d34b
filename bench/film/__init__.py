"""The measured comparison with what people use today: one module a group of cases."""
