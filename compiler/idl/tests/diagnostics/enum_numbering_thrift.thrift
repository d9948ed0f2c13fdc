enum Format { CD = 5, LP = 2, TAPE }
