"""What all pages and answers share: problems, forms, templates, parameters, headers."""
