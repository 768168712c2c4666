"""Names and addresses that the people of a world have: made once by Faker, so that worlds stay what they are."""
